package sign

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Inferred stands for a service or a region that is taken from the host of each request.
const Inferred = "inferred"

// AWSKeys are what AWS signs with.
type AWSKeys struct {
	AccessKey    string
	SecretKey    Secret
	SessionToken Secret // of temporary keys; "" for lasting ones
}

// AWSTarget is what an AWS signature is good for; each is a name as in AWS's own list of endpoints, or Inferred, as is the zero value.
type AWSTarget struct {
	Service string
	Region  string
}

// AWS signs by AWS Signature Version 4.
type AWS struct {
	AWSKeys
	AWSTarget
}

// Scheme is aws.
func (AWS) Scheme() Scheme { return SchemeAWS }

// Secrets is the secret key; the access key is a name.
func (c AWS) Secrets() []string { return secretForms(c.SecretKey, c.SessionToken) }

func (c AWS) send(s *Signer, req *http.Request, body []byte) (*http.Response, error) {
	return s.sendAWS(c.AWSKeys, c.AWSTarget, req, body)
}

func (s *Signer) sendAWS(keys AWSKeys, target AWSTarget, req *http.Request, body []byte) (*http.Response, error) {
	r := outgoing(req, body)
	if err := s.signAWS(r, keys, target, body); err != nil {
		return nil, err
	}
	return s.do(r)
}

func (s *Signer) signAWS(r *http.Request, keys AWSKeys, target AWSTarget, body []byte) error {
	target, err := target.at(hostOf(r))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	s3 := signsLikeS3[target.Service]
	if s3 {
		r.Header.Set("X-Amz-Content-Sha256", hash)
	}
	r.URL.RawQuery = strings.ReplaceAll(r.URL.RawQuery, ";", "%3B") // the library drops parameters that hold one,
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {       // or cannot be read
		return fmt.Errorf("sign for AWS: the query of the URL: %w", err)
	}
	creds := aws.Credentials{AccessKeyID: keys.AccessKey, SecretAccessKey: keys.SecretKey.Reveal(), SessionToken: keys.SessionToken.Reveal()}
	err = v4.NewSigner().SignHTTP(r.Context(), creds, r, hash, target.Service, target.Region, s.now().UTC(), func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = s3
	})
	if err != nil {
		return fmt.Errorf("sign for AWS: %w", err)
	}
	return nil
}

// signsLikeS3 are the services that want the body's hash in a header and the path escaped once.
var signsLikeS3 = map[string]bool{"s3": true, "s3-outposts": true, "s3-object-lambda": true, "s3express": true}

// hostOf is the host a server will see, without the port.
func hostOf(r *http.Request) string {
	if r.Host == "" {
		return r.URL.Hostname()
	}
	return (&url.URL{Host: r.Host}).Hostname()
}

func inferred(name string) bool { return name == Inferred || name == "" }

// at fills in what is inferred.
func (t AWSTarget) at(host string) (AWSTarget, error) {
	if !inferred(t.Service) && !inferred(t.Region) {
		return t, nil
	}
	found, ok := InferAWS(host)
	if !ok {
		return t, fmt.Errorf("no AWS service and region can be inferred from the host %q: give the credential a service and a region", host)
	}
	if inferred(t.Service) {
		t.Service = found.Service
	}
	if inferred(t.Region) {
		t.Region = found.Region
	}
	return t, nil
}

// awsSuffixes are the domains of AWS's endpoints and the region of those that name none.
var awsSuffixes = []struct{ suffix, region string }{
	{".amazonaws.com", "us-east-1"},
	{".amazonaws.com.cn", "cn-north-1"},
	{".api.aws", "us-east-1"},
	{".on.aws", "us-east-1"},
	{".api.amazonwebservices.com.cn", "cn-north-1"},
	{".amazonaws.eu", "eusc-de-east-1"},
}

// awsRegion is the form of a region: us-east-1, us-gov-west-1, ap-southeast-5.
var awsRegion = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)

// regionFirst are the services whose hosts name the region before the service.
var regionFirst = map[string]bool{"es": true, "aoss": true, "queue": true, "cloudsearch": true}

// signingNames are the services whose hosts do not say the name that signatures carry: by the last label of the service's part
// of the host, or its last two.
var signingNames = map[string]string{
	"email":                 "ses",
	"queue":                 "sqs",
	"marketplace":           "aws-marketplace",
	"pinpoint":              "mobiletargeting",
	"sms-voice.pinpoint":    "sms-voice",
	"data.iot":              "iotdata",
	"data.jobs.iot":         "iot-jobs-data",
	"api.tunneling.iot":     "IoTSecuredTunneling",
	"bedrock-runtime":       "bedrock",
	"bedrock-agent":         "bedrock",
	"bedrock-agent-runtime": "bedrock",
	"personalize-runtime":   "personalize",
	"personalize-events":    "personalize",
	"transcribestreaming":   "transcribe",
	"git-codecommit":        "codecommit",
	"cloudhsmv2":            "cloudhsm",
	"appstream2":            "appstream",
	"appsync-api":           "appsync",
	"lambda-url":            "lambda",
	"memory-db":             "memorydb",
	"s3-control":            "s3",
	"s3-accesspoint":        "s3",
	"s3-external-1":         "s3",
}

// InferAWS tells service and region from the host of an AWS endpoint: ec2.eu-west-1.amazonaws.com, iam.amazonaws.com,
// bucket.s3.amazonaws.com, s3-eu-west-1.amazonaws.com, id.execute-api.us-east-1.amazonaws.com, api.pricing.us-east-1.amazonaws.com
// and their kin in China, of two addresses, of FIPS and of private endpoints. It reports false for hosts that are not AWS's.
func InferAWS(host string) (AWSTarget, bool) {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	for _, known := range awsSuffixes {
		if rest, ok := strings.CutSuffix(host, known.suffix); ok && rest != "" {
			return inferAWS(strings.Split(rest, "."), known.region)
		}
	}
	return AWSTarget{}, false
}

// inferAWS reads the labels before the domain. Only the last label, or the one before it, can be the region: names of buckets,
// which come first, may look like one.
func inferAWS(labels []string, region string) (AWSTarget, bool) {
	n := len(labels)
	last := labels[n-1]
	switch {
	case last == "vpce": // a private endpoint: what is before it is as usual
		if n == 1 {
			return AWSTarget{}, false
		}
		return inferAWS(labels[:n-1], region)
	case last == "us-gov" && n > 1:
		region, labels = "us-gov-west-1", labels[:n-1]
	case awsRegion.MatchString(last) && n > 1:
		region, labels = last, labels[:n-1]
	case n > 1 && regionFirst[last] && awsRegion.MatchString(labels[n-2]):
		region, labels = labels[n-2], labels[n-1:]
	case strings.HasPrefix(last, "s3-") && awsRegion.MatchString(last[len("s3-"):]): // the oldest form
		return AWSTarget{Service: "s3", Region: last[len("s3-"):]}, true
	}
	if n := len(labels); n > 1 && labels[n-1] == "dualstack" {
		labels = labels[:n-1]
	}
	labels[len(labels)-1] = strings.TrimSuffix(labels[len(labels)-1], "-fips")
	return AWSTarget{Service: signingName(labels), Region: region}, true
}

// signingName is what a signature calls the service of these labels.
func signingName(labels []string) string {
	for i := max(0, len(labels)-3); i < len(labels); i++ {
		if name, ok := signingNames[strings.Join(labels[i:], ".")]; ok {
			return name
		}
	}
	return labels[len(labels)-1]
}
