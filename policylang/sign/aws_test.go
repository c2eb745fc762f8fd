package sign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// The vectors are those that AWS published: its Signature Version 4 test suite, the example of its General Reference, and the
// examples of the S3 API reference.
func TestAWSVectors(t *testing.T) {
	t.Parallel()
	suite := AWS{AWSKeys{AccessKey: "AKIDEXAMPLE", SecretKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}, AWSTarget{Service: "service", Region: "us-east-1"}}
	iam := suite
	iam.AWSTarget = AWSTarget{Inferred, Inferred}
	s3 := AWS{AWSKeys{AccessKey: "AKIAIOSFODNN7EXAMPLE", SecretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}, AWSTarget{Inferred, Inferred}}
	for _, c := range []struct {
		name, method, url string
		header            http.Header
		cred              AWS
		at, signature     string
	}{
		{"get-vanilla", "GET", "https://example.amazonaws.com/", nil, suite, "20150830T123600Z", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-vanilla-query-order-key-case", "GET", "https://example.amazonaws.com/?Param2=value2&Param1=value1", nil, suite, "20150830T123600Z", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{"post-vanilla", "POST", "https://example.amazonaws.com/", nil, suite, "20150830T123600Z", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"General Reference, ListUsers", "GET", "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
			http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}, iam, "20150830T123600Z", "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
		{"S3, get object", "GET", "https://examplebucket.s3.amazonaws.com/test.txt", http.Header{"Range": {"bytes=0-9"}}, s3, "20130524T000000Z", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
		{"S3, get bucket lifecycle", "GET", "https://examplebucket.s3.amazonaws.com/?lifecycle", nil, s3, "20130524T000000Z", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
		{"S3, list objects", "GET", "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J", nil, s3, "20130524T000000Z", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got *http.Request
			s := newSigner(t, Config{Do: capturing(&got), Now: at(c.at).now})
			r := request(t, c.method, c.url)
			r.Header = c.header
			if _, err := s.Do(t.Context(), c.cred, r, nil); err != nil {
				t.Fatal(err)
			}
			if _, signature, _ := strings.Cut(got.Header.Get("Authorization"), "Signature="); signature != c.signature {
				t.Errorf("got %s, want signature %s", got.Header.Get("Authorization"), c.signature)
			}
		})
	}
}

func TestInferAWS(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"ec2.eu-west-1.amazonaws.com":                               "ec2 eu-west-1",
		"ec2.amazonaws.com":                                         "ec2 us-east-1",
		"EC2.us-west-2.amazonaws.com.":                              "ec2 us-west-2",
		"iam.amazonaws.com":                                         "iam us-east-1",
		"sts.amazonaws.com":                                         "sts us-east-1",
		"iam.us-gov.amazonaws.com":                                  "iam us-gov-west-1",
		"ec2.us-gov-east-1.amazonaws.com":                           "ec2 us-gov-east-1",
		"iam.cn-north-1.amazonaws.com.cn":                           "iam cn-north-1",
		"s3.amazonaws.com":                                          "s3 us-east-1",
		"s3.eu-central-1.amazonaws.com":                             "s3 eu-central-1",
		"s3-eu-west-1.amazonaws.com":                                "s3 eu-west-1",
		"bucket.s3-eu-west-1.amazonaws.com":                         "s3 eu-west-1",
		"s3-external-1.amazonaws.com":                               "s3 us-east-1",
		"my-bucket-1.s3.amazonaws.com":                              "s3 us-east-1",
		"a.dotted.us-east-2.bucket.s3.ap-southeast-5.amazonaws.com": "s3 ap-southeast-5",
		"bucket.s3.dualstack.us-west-2.amazonaws.com":               "s3 us-west-2",
		"123456789012.s3-control.us-west-2.amazonaws.com":           "s3 us-west-2",
		"monitoring.us-east-1.amazonaws.com":                        "monitoring us-east-1",
		"elasticloadbalancing.us-east-1.amazonaws.com":              "elasticloadbalancing us-east-1",
		"email.us-east-1.amazonaws.com":                             "ses us-east-1",
		"api.pricing.us-east-1.amazonaws.com":                       "pricing us-east-1",
		"api.sagemaker.ap-south-1.amazonaws.com":                    "sagemaker ap-south-1",
		"api.ecr.us-east-1.amazonaws.com":                           "ecr us-east-1",
		"bjlaftw4kh.execute-api.us-east-1.amazonaws.com":            "execute-api us-east-1",
		"organizations.us-east-1.amazonaws.com":                     "organizations us-east-1",
		"savingsplans.us-east-1.amazonaws.com":                      "savingsplans us-east-1",
		"compute-optimizer.eu-west-1.amazonaws.com":                 "compute-optimizer eu-west-1",
		"streams.dynamodb.us-east-1.amazonaws.com":                  "dynamodb us-east-1",
		"search-logs-abc.us-east-1.es.amazonaws.com":                "es us-east-1",
		"eu-west-1.queue.amazonaws.com":                             "sqs eu-west-1",
		"data.iot.us-east-1.amazonaws.com":                          "iotdata us-east-1",
		"ec2-fips.us-east-2.amazonaws.com":                          "ec2 us-east-2",
		"vpce-1a2b-3c4d.ec2.us-east-1.vpce.amazonaws.com":           "ec2 us-east-1",
		"lambda.eu-west-1.api.aws":                                  "lambda eu-west-1",
		"abc123.lambda-url.eu-west-1.on.aws":                        "lambda eu-west-1",
		"bedrock-runtime.us-west-2.amazonaws.com":                   "bedrock us-west-2",
		"example.com":             "",
		"amazonaws.com":           "",
		".amazonaws.com":          "",
		"vpce.amazonaws.com":      "",
		"amazonaws.com.evil.test": "",
	} {
		target, ok := InferAWS(host)
		if got := strings.TrimSpace(target.Service + " " + target.Region); got != want || ok != (want != "") {
			t.Errorf("InferAWS(%q): got %q %v, want %q", host, got, ok, want)
		}
	}
}

func TestAWSHostUnknown(t *testing.T) {
	t.Parallel()
	var got *http.Request
	s := newSigner(t, Config{Do: capturing(&got)})
	cred := parse(t, SchemeAWS, map[string]any{"accessKey": "AKID", "secretKey": "hush"})
	if _, err := s.Do(t.Context(), cred, request(t, "GET", "https://ec2.amazonaws.com/?a=%zz"), nil); err == nil {
		t.Error("a query that cannot be read: got nil, want an error")
	}
	_, err := s.Do(t.Context(), cred, request(t, "GET", "https://api.example.com/"), nil)
	if err == nil || !strings.Contains(err.Error(), `"api.example.com": give the credential a service and a region`) {
		t.Errorf("got %v, want an error that names the host and the remedy", err)
	}
}

// verifyAWS checks a signature by the published algorithm, independently of the library that made it, and returns the access key.
func verifyAWS(r *http.Request, body string, secrets map[string]string, now time.Time) (string, error) {
	fields := map[string]string{}
	for part := range strings.SplitSeq(strings.TrimPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 "), ", ") {
		name, value, _ := strings.Cut(part, "=")
		fields[name] = value
	}
	scope := strings.Split(fields["Credential"], "/")
	if len(scope) != 5 {
		return "", fmt.Errorf("credential %q", fields["Credential"])
	}
	date := r.Header.Get("X-Amz-Date")
	if date != now.UTC().Format("20060102T150405Z") {
		return "", fmt.Errorf("date %q", date)
	}
	names := strings.Split(fields["SignedHeaders"], ";")
	if !slices.Contains(names, "host") || !slices.IsSorted(names) {
		return "", fmt.Errorf("signed headers %q", names)
	}
	var headers strings.Builder
	for _, name := range names {
		value := r.Header.Get(name)
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = fmt.Sprint(r.ContentLength)
		}
		headers.WriteString(name + ":" + value + "\n")
	}
	var query []string
	for name, values := range r.URL.Query() {
		for _, v := range values {
			query = append(query, escapedAWS(name)+"="+escapedAWS(v))
		}
	}
	slices.Sort(query)
	path := r.URL.EscapedPath()
	if scope[3] != "s3" {
		path = strings.ReplaceAll(escapedAWS(path), "%2F", "/")
	}
	canonical := strings.Join([]string{r.Method, path, strings.Join(query, "&"), headers.String(), strings.Join(names, ";"), hexSHA(body)}, "\n")
	toSign := "AWS4-HMAC-SHA256\n" + date + "\n" + strings.Join(scope[1:], "/") + "\n" + hexSHA(canonical)
	key := []byte("AWS4" + secrets[scope[0]])
	for _, part := range scope[1:] {
		key = mac(key, part)
	}
	if got, want := fields["Signature"], hex.EncodeToString(mac(key, toSign)); got != want {
		return "", fmt.Errorf("signature %s, want %s of\n%s", got, want, canonical)
	}
	return scope[0], nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func hexSHA(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// escapedAWS escapes all but the unreserved characters.
func escapedAWS(s string) string {
	return strings.NewReplacer("+", "%20", "%7E", "~", "*", "%2A").Replace(url.QueryEscape(s))
}

func TestAWSServer(t *testing.T) {
	t.Parallel()
	c := at("20261125T120000Z")
	tr := serving(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := verifyAWS(r, bodyOf(t, r), map[string]string{"AKID": "hush"}, c.now()); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
	})
	s := newSigner(t, Config{Do: tr.RoundTrip, Now: c.now})
	cred := parse(t, SchemeAWS, map[string]any{"access_key": "AKID", "secret_key": "hush", "service": "inferred"})
	for _, c := range []struct{ method, url, body string }{
		{"GET", "https://s3.amazonaws.com/?location=", ""},
		{"GET", "https://s3.amazonaws.com/?location", ""},
		{"GET", "https://bucket.s3.amazonaws.com/a%20b/c+d;e", ""},
		{"GET", "https://ec2.us-east-1.amazonaws.com/?Action=DescribeImages&Filter.1.Value.1=a%20b%2Bc&Filter.1.Value.2=~*&A=1&A=0", ""},
		{"GET", "https://ec2.us-east-1.amazonaws.com/?a=b;c=d", ""},
		{"GET", "https://lambda.us-east-1.amazonaws.com/2015-03-31/functions/arn%3Aaws%3Alambda%3A1/policy", ""},
		{"POST", "https://ce.us-east-1.amazonaws.com/", `{"Metrics":["UnblendedCost"]}`},
		{"DELETE", "https://ec2.us-east-1.amazonaws.com:8443/?x=ä", ""},
	} {
		send(t, s, cred, c.method, c.url, c.body)
	}
}
