package check

import "espalier.dev/policylang/extract"

// function is what a function takes and gives.
type function struct {
	params   []types
	optional int   // how many of the last params may be left out
	variadic bool  // the last param may be given several times
	result   types // what it gives
	where    scope
	literal  map[int]literal // what a string literal must be
	doc      string
}

const ordered = number | text | date | null

var functions = map[string]function{
	"val":       {params: []types{object | node | null, text}, result: unknown, doc: "a member of an object"},
	"vals":      {params: []types{list | null, text}, result: list, doc: "that member of each object of a list"},
	"jmes_path": {params: []types{unknown, text}, result: unknown, literal: map[int]literal{1: extract.CheckJMESPath}, doc: "what a JMESPath finds"},
	"jq":        {params: []types{unknown, text, text}, optional: 1, result: unknown, literal: map[int]literal{1: extract.CheckJQ, 2: pathMode}, doc: "what a jq program gives"},
	"xpath":     {params: []types{node | text | list | null, text, text}, optional: 1, result: unknown, literal: map[int]literal{1: extract.CheckXPath, 2: pathMode}, doc: "what an XPath finds"},
	"get":       {params: []types{number, list | null}, result: unknown, doc: "the element at an index, which comes first and counts from 0"},
	"first":     {params: []types{list | null}, result: unknown, doc: "the first element, null if there is none"},
	"last":      {params: []types{list | null}, result: unknown, doc: "the last element, null if there is none"},
	"size":      {params: []types{list | object | text | null}, result: number, doc: "how many elements there are"},
	"contains":  {params: []types{list | text | null, unknown | regex}, result: boolean, doc: "whether an element is equal or matches"},
	"select":    {params: []types{list | null, unknown | regex}, result: list, doc: "the elements that are equal or match"},
	"header":    {params: []types{text}, result: text | null, where: inResponse, doc: "a header of the response"},
	"href":      {params: []types{unknown}, result: text | null, doc: "the link of a resource to itself"},
	"hrefs":     {params: []types{list | null}, result: list, doc: "the link of each resource to itself"},
	"any":       {params: []types{list | text}, variadic: true, result: list, where: inTags, doc: "resources with one of the tags"},
	"all":       {params: []types{list | text}, variadic: true, result: list, where: inTags, doc: "resources with all of the tags"},
	"none":      {params: []types{list | text}, variadic: true, result: list, where: inTags, doc: "resources with none of the tags"},

	"eq":        {params: []types{unknown, unknown}, result: boolean, doc: "whether two values have the same type and value"},
	"equals?":   {params: []types{unknown, unknown}, result: boolean, doc: "the same as eq"},
	"ne":        {params: []types{unknown, unknown}, result: boolean, doc: "whether two values differ in type or value"},
	"lt":        {params: []types{ordered, ordered}, result: boolean, doc: "whether a comes before b"},
	"le":        {params: []types{ordered, ordered}, result: boolean, doc: "whether a comes before b or is equal"},
	"gt":        {params: []types{ordered, ordered}, result: boolean, doc: "whether a comes after b"},
	"ge":        {params: []types{ordered, ordered}, result: boolean, doc: "whether a comes after b or is equal"},
	"switch":    {params: []types{unknown, unknown, unknown}, result: unknown, doc: "b if a is truthy, else c"},
	"logic_and": {params: []types{unknown, unknown}, result: boolean, doc: "whether both are truthy"},
	"logic_or":  {params: []types{unknown, unknown}, result: boolean, doc: "whether one is truthy"},
	"logic_not": {params: []types{unknown}, result: boolean, doc: "whether it is falsy"},

	"inc":   {params: []types{number | date, number}, result: number | date, doc: "a + b"},
	"dec":   {params: []types{number | date, number | date}, result: number | date, doc: "a - b; of two dates the seconds between"},
	"prod":  {params: []types{number, number}, result: number, doc: "a * b"},
	"div":   {params: []types{number, number}, result: number, doc: "a / b"},
	"mod":   {params: []types{number, number}, result: number, doc: "the rest of a / b"},
	"join":  {params: []types{list | null, text}, optional: 1, result: text, doc: "the elements as one string, with b between them"},
	"split": {params: []types{text | null, text | regex}, result: list, doc: "the parts of a string"},
	"ljust": {params: []types{scalar, number, text}, result: text, doc: "a string, filled up on the right"},
	"rjust": {params: []types{scalar, number, text}, result: text, doc: "a string, filled up on the left"},
	"to_n":  {params: []types{text | number | null}, result: number, doc: "a string as a number"},
	"to_s":  {params: []types{unknown}, result: text, doc: "a value as a string"},
	"to_b":  {params: []types{unknown}, result: boolean, doc: "whether a value is truthy"},
	"to_d":  {params: []types{text | date | null}, result: date, doc: "a string as a date"},
	"now":   {result: date, doc: "the present time, in UTC"},
	"cred":  {params: []types{text}, result: text, doc: "a stored secret"},
	"from":  {params: []types{object | node | null}, result: unknown, where: inField, doc: "the member with the field's own name"},
}
