package workflow

import "time"

// env is what pure functions and operators may know of the run.
type env struct {
	now     func() time.Time
	random  func(n int) ([]byte, error)
	lenient bool
	limits  Limits
}

// builtin is a function of the language. Those that need the machine or its host have no fn; the machine has them.
type builtin struct {
	least, most int // arguments; most is -1 if there may be any number
	fn          func(e *env, a []Value) (Value, error)
	signature   string
	meaning     string
}

// opt is argument i, or null.
func opt(a []Value, i int) Value {
	if i < len(a) {
		return a[i]
	}
	return nil
}

// builtins are all functions by name. It is filled once, below, and never changes.
var builtins = map[string]builtin{
	"size":         {1, 1, fnSize, "size(x)", "how many elements, members or characters x has"},
	"first":        {1, 1, fnFirst, "first(array)", "the first element, null if there is none"},
	"last":         {1, 1, fnLast, "last(array)", "the last element, null if there is none"},
	"sort":         {1, 3, fnSort, "sort(array, key, \"asc\" | \"desc\")", "the elements in order; key may be a path with /"},
	"contains?":    {2, 2, fnContains, "contains?(array, elements)", "whether every one of elements is in array"},
	"empty?":       {1, 1, fnEmpty, "empty?(x)", "whether x has no elements"},
	"any?":         {1, 2, fnAny, "any?(array, value)", "whether an element equals value or matches \"/re/\"; without value, whether one is true"},
	"all?":         {1, 2, fnAll, "all?(array, value)", "whether every element equals value or matches \"/re/\""},
	"select":       {2, 2, fnSelect, "select(array, hash)", "the elements that have all members of hash"},
	"unique":       {1, 1, fnUnique, "unique(array)", "the elements, each once"},
	"equals?":      {2, 2, fnEquals, "equals?(a, b)", "a == b"},
	"switch":       {3, 3, fnSwitch, "switch(condition, a, b)", "a if condition is true, else b"},
	"logic_and":    {2, 2, fnLogicAnd, "logic_and(a, b)", "a && b"},
	"logic_or":     {2, 2, fnLogicOr, "logic_or(a, b)", "a || b"},
	"logic_not":    {1, 1, fnLogicNot, "logic_not(a)", "!a"},
	"keys":         {1, 1, fnKeys, "keys(hash)", "the keys in order"},
	"values":       {1, 1, fnValues, "values(hash)", "the values in the order of their keys"},
	"map":          {3, 3, fnMap, "map(hash, key1, key2)", "hash[key1][key2]"},
	"join":         {1, 2, fnJoin, "join(array, separator)", "the elements as text, with separator between them"},
	"type":         {1, 1, fnType, "type(x)", "the name of x's type"},
	"inspect":      {1, 1, fnInspect, "inspect(x)", "x in a readable form; null is null"},
	"to_s":         {1, 1, fnToS, "to_s(x)", "x as text"},
	"to_n":         {1, 1, fnToN, "to_n(x)", "x as a number; text that is none is 0"},
	"to_b":         {1, 1, fnToB, "to_b(x)", "x as a boolean; of text only \"true\" is"},
	"to_d":         {1, 1, fnToD, "to_d(x)", "x as a datetime"},
	"to_a":         {1, 1, fnToA, "to_a(x)", "a hash as pairs, anything else as an array"},
	"to_object":    {1, 1, fnSame, "to_object(x)", "a declaration as a hash; a hash is itself"},
	"to_json":      {1, 1, fnToJSON, "to_json(x)", "x as compact JSON"},
	"from_json":    {1, 1, fnFromJSON, "from_json(text)", "what the JSON text says"},
	"to_base64":    {1, 1, text1(toBase64), "to_base64(text)", "base64 of text"},
	"from_base64":  {1, 1, fnFromBase64, "from_base64(text)", "the text that base64 stands for"},
	"to_html":      {1, 1, text1(toHTML), "to_html(text)", "text with &, <, > and quotes as entities"},
	"from_html":    {1, 1, text1(fromHTML), "from_html(text)", "the reverse of to_html"},
	"to_uri":       {1, 1, text1(toURI), "to_uri(text)", "text with what a URI cannot hold as %XX"},
	"to_uri_esc":   {1, 1, text1(toURIEsc), "to_uri_esc(text)", "text as one component of a URI"},
	"from_uri":     {1, 1, fnFromURI, "from_uri(text)", "the text that a URI component stands for"},
	"capitalize":   {1, 1, text1(capitalize), "capitalize(text)", "the first letter large, the others small"},
	"downcase":     {1, 1, text1(downcase), "downcase(text)", "small letters"},
	"upcase":       {1, 1, text1(upcase), "upcase(text)", "large letters"},
	"strip":        {1, 1, text1(strip), "strip(text)", "without blanks at both ends"},
	"lstrip":       {1, 1, text1(lstrip), "lstrip(text)", "without blanks at the start"},
	"rstrip":       {1, 1, text1(rstrip), "rstrip(text)", "without blanks at the end"},
	"reverse":      {1, 1, fnReverse, "reverse(x)", "the characters or elements from the last to the first"},
	"pluralize":    {1, 1, text1(pluralize), "pluralize(word)", "the plural of an English word"},
	"singularize":  {1, 1, text1(singularize), "singularize(word)", "the singular of an English word"},
	"gsub":         {3, 3, fnGsub, "gsub(text, pattern, by)", "text with every match replaced"},
	"sub":          {3, 3, fnSub, "sub(text, pattern, by)", "text with the first match replaced"},
	"include?":     {2, 2, fnInclude, "include?(text, part)", "whether part is in text, or in an array"},
	"index":        {2, 3, fnIndex, "index(text, part, offset)", "where part first is, null if nowhere"},
	"rindex":       {2, 3, fnRindex, "rindex(text, part, offset)", "where part last is, null if nowhere"},
	"insert":       {3, 3, fnInsert, "insert(text, index, part)", "text with part before index; behind it if index is negative"},
	"ljust":        {2, 3, fnLjust, "ljust(text, width, pad)", "text padded on the right"},
	"rjust":        {2, 3, fnRjust, "rjust(text, width, pad)", "text padded on the left"},
	"lines":        {1, 2, fnLines, "lines(text, separator)", "the lines, each with its end"},
	"split":        {1, 2, fnSplit, "split(text, separator)", "the parts between matches of separator"},
	"now":          {0, 0, fnNow, "now()", "the datetime, in whole seconds"},
	"strftime":     {2, 2, fnStrftime, "strftime(datetime, format)", "a datetime in a format such as %Y-%m-%d"},
	"rand":         {0, 1, fnRand, "rand(max)", "a random integer below max; a number below 1 without it"},
	"uuid":         {0, 0, fnUUID, "uuid()", "a random UUID"},
	"signer":       {1, 1, fnSigner, "signer(name)", "the credential name, to sign requests with"},
	"jwt_encode":   {3, 4, fnJWTEncode, "jwt_encode(algorithm, payload, key, header)", "a signed JSON Web Token"},
	"xpath":        {2, 2, fnXPath, "xpath(xml, path)", "the texts that an XPath, or css: and a selector, finds"},
	"tag_value":    {2, 2, fnTagValue, "tag_value(tags, name)", "the value of the tag namespace:name=value"},
	"sleep":        {1, 1, nil, "sleep(seconds)", "waits"},
	"sleep_until":  {1, 1, nil, "sleep_until(condition)", "waits until condition, evaluated anew every 30 seconds, is true"},
	"sleep_while":  {1, 1, nil, "sleep_while(condition)", "waits while condition, evaluated anew every 30 seconds, is true"},
	"cred":         {1, 1, nil, "cred(name)", "the value of a stored secret"},
	"task_label":   {1, 1, nil, "task_label(text)", "shows text as the progress of this task"},
	"task_name":    {0, 0, nil, "task_name()", "the name of this task"},
	"tasks":        {0, 1, nil, "tasks()", "the names of the tasks that run"},
	"task_status":  {1, 1, nil, "task_status(name)", "running, succeeded, failed or canceled"},
	"log_title":    {1, 2, nil, "log_title(text)", "writes a title to the log"},
	"log_info":     {1, 2, nil, "log_info(text)", "writes to the log"},
	"log_error":    {1, 2, nil, "log_error(text)", "writes an error to the log"},
	"assert":       {1, 1, nil, "assert(condition)", "raises an error unless condition is true"},
	"http_request": {1, -1, nil, "http_request(verb: \"get\", host: …, href: …)", "sends a request"},
	"http_get":     {1, -1, nil, "http_get(url: …)", "sends a request"},
	"http_post":    {1, -1, nil, "http_post(url: …, body: …)", "sends a request"},
	"http_put":     {1, -1, nil, "http_put(url: …, body: …)", "sends a request"},
	"http_patch":   {1, -1, nil, "http_patch(url: …, body: …)", "sends a request"},
	"http_delete":  {1, -1, nil, "http_delete(url: …)", "sends a request"},
	"http_head":    {1, -1, nil, "http_head(url: …)", "sends a request"},
	"http_options": {1, -1, nil, "http_options(url: …)", "sends a request"},
	"http_trace":   {1, -1, nil, "http_trace(url: …)", "sends a request"},
	"find":         {1, -1, nil, "find(…)", "finds resources of a product that is gone: fails"},
	"provision":    {1, -1, nil, "provision(…)", "provisions a resource of a product that is gone: fails"},
	"delete":       {1, -1, nil, "delete(…)", "deletes resources of a product that is gone: fails"},
	"copy":         {1, -1, nil, "copy(…)", "copies resources of a product that is gone: fails"},
	"field":        {1, -1, nil, "field(…)", "reads a field of a declaration of a product that is gone: fails"},
}

// resourceFunctions work on resources of a product that is gone. They are read, and fail when they are reached.
var resourceFunctions = map[string]bool{"find": true, "provision": true, "delete": true, "copy": true, "field": true}

// Functions lists the names of the functions with their signature and meaning, for editors.
func Functions() map[string][2]string {
	out := make(map[string][2]string, len(builtins))
	for name, b := range builtins {
		out[name] = [2]string{b.signature, b.meaning}
	}
	return out
}
