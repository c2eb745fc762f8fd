package sign

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sts is a small security token service together with an EC2 that takes its sessions.
type sts struct {
	t        *testing.T
	clock    *clock
	sessions atomic.Int32
	form     atomic.Pointer[url.Values] // of the last AssumeRole
	host     atomic.Pointer[string]
}

func (f *sts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := bodyOf(f.t, r)
	secrets := map[string]string{"AKID": "hush", "OPER": "operator's"}
	for i := range f.sessions.Load() {
		secrets[fmt.Sprintf("ASIA%d", i+1)] = fmt.Sprintf("temporary%d", i+1)
	}
	key, err := verifyAWS(r, body, secrets, f.clock.now())
	if err != nil {
		f.t.Error(err)
	}
	if !strings.HasPrefix(r.Host, "sts.") {
		if want := "session" + strings.TrimPrefix(key, "ASIA"); r.Header.Get("X-Amz-Security-Token") != want {
			f.t.Errorf("security token: got %q, want %q", r.Header.Get("X-Amz-Security-Token"), want)
		}
		fmt.Fprint(w, key)
		return
	}
	form, _ := url.ParseQuery(body)
	host := r.Host
	f.host.Store(&host)
	switch {
	case form.Get("Action") == "GetCallerIdentity":
		fmt.Fprint(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>210987654321</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	case strings.Contains(form.Get("RoleArn"), "forbidden"):
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>%s with %s may not assume %s</Message></Error></ErrorResponse>`, key, form.Get("ExternalId"), form.Get("RoleArn"))
	case strings.Contains(form.Get("RoleArn"), "broken"):
		fmt.Fprint(w, `<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>`)
	default:
		f.form.Store(&form)
		n := f.sessions.Add(1)
		seconds, _ := time.ParseDuration(form.Get("DurationSeconds") + "s")
		fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
			<AccessKeyId>ASIA%d</AccessKeyId><SecretAccessKey>temporary%d</SecretAccessKey><SessionToken>session%d</SessionToken><Expiration>%s</Expiration>
			</Credentials></AssumeRoleResult></AssumeRoleResponse>`, n, n, n, f.clock.now().Add(seconds).Format(time.RFC3339))
	}
}

func newSTS(t *testing.T, base *AWSKeys) (*sts, *Signer) {
	f := &sts{t: t, clock: at("20261125T120000Z")}
	return f, newSigner(t, Config{Do: serving(t, f.ServeHTTP).RoundTrip, Now: f.clock.now, AWSBase: base})
}

func role(more map[string]any) map[string]any {
	in := map[string]any{"accessKey": "AKID", "secretKey": "hush", "roleArn": "arn:aws:iam::123456789012:role/path/reader", "roleSessionName": "policy", "externalId": "agreed"}
	for k, v := range more {
		in[k] = v
	}
	return in
}

func TestSTSSession(t *testing.T) {
	t.Parallel()
	f, s := newSTS(t, nil)
	cred := parse(t, SchemeAWSSTS, role(map[string]any{"policyJson": `{"Version":"2012-10-17"}`, "maxMinutes": 40}))
	for range 2 {
		if _, key := send(t, s, cred, "GET", "https://ec2.eu-west-1.amazonaws.com/?Action=DescribeRegions", ""); key != "ASIA1" {
			t.Errorf("got %s, want the first session's key", key)
		}
	}
	want := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {"arn:aws:iam::123456789012:role/path/reader"}, "RoleSessionName": {"policy"},
		"ExternalId": {"agreed"}, "Policy": {`{"Version":"2012-10-17"}`}, "DurationSeconds": {"2400"}}
	if d := cmp.Diff(*f.form.Load(), want); d != "" {
		t.Errorf("AssumeRole (-got +want):\n%s", d)
	}
	if got := *f.host.Load(); got != "sts.amazonaws.com" {
		t.Errorf("host: got %s, want sts.amazonaws.com", got)
	}
	for _, c := range []struct {
		wait time.Duration
		want string
	}{{34*time.Minute + 59*time.Second, "ASIA1"}, {2 * time.Second, "ASIA2"}} {
		f.clock.move(c.wait)
		if _, key := send(t, s, cred, "GET", "https://ec2.eu-west-1.amazonaws.com/", ""); key != c.want {
			t.Errorf("%s later: got %s, want %s", c.wait, key, c.want)
		}
	}
	secrets := strings.Join(s.Secrets(cred), " ")
	for _, want := range []string{"hush", "agreed", "temporary2", "session2"} {
		if !strings.Contains(secrets, want) {
			t.Errorf("Secrets: %q lacks %s", secrets, want)
		}
	}
}

func TestSTSAccounts(t *testing.T) {
	t.Parallel()
	f, s := newSTS(t, nil)
	cred := parse(t, SchemeAWSSTS, role(nil)).(AWSSTS)
	for _, c := range []struct{ number, want, err string }{
		{"", "arn:aws:iam::123456789012:role/path/reader", ""},
		{"111122223333", "arn:aws:iam::111122223333:role/path/reader", ""},
		{" 1111-2222-3333 ", "arn:aws:iam::111122223333:role/path/reader", ""},
		{"12345", "", "12 digits"},
		{"111122223333:root", "", "12 digits"},
	} {
		got, err := cred.InAccount(c.number)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("InAccount(%q): got %v, want an error with %q", c.number, err, c.err)
			}
			continue
		}
		if err != nil || got.RoleARN != c.want {
			t.Errorf("InAccount(%q): got %s %v, want %s", c.number, got.RoleARN, err, c.want)
		}
	}
	cred.RoleARN = "reader"
	if _, err := cred.InAccount("111122223333"); err == nil {
		t.Error("InAccount of a role without an account: got nil, want an error")
	}
	other, err := parse(t, SchemeAWSSTS, role(nil)).(AWSSTS).InAccount("111122223333")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []AWSSTS{parse(t, SchemeAWSSTS, role(nil)).(AWSSTS), other} {
		if _, key := send(t, s, c, "GET", "https://ec2.us-east-1.amazonaws.com/", ""); key != fmt.Sprintf("ASIA%d", i+1) {
			t.Errorf("%s: got %s, want a session of its own", c.RoleARN, key)
		}
	}
	if got := (*f.form.Load()).Get("RoleArn"); got != other.RoleARN {
		t.Errorf("role: got %s, want %s", got, other.RoleARN)
	}
}

func TestSTSWithoutKeys(t *testing.T) {
	t.Parallel()
	in := role(map[string]any{"accessKey": nil, "secretKey": nil})
	_, s := newSTS(t, &AWSKeys{AccessKey: "OPER", SecretKey: "operator's"})
	if _, key := send(t, s, parse(t, SchemeAWSSTS, in), "GET", "https://ec2.us-east-1.amazonaws.com/", ""); key != "ASIA1" {
		t.Errorf("got %s, want a session by the operator's keys", key)
	}
	_, s = newSTS(t, nil)
	if _, err := s.Do(t.Context(), parse(t, SchemeAWSSTS, in), request(t, "GET", "https://ec2.us-east-1.amazonaws.com/"), nil); err == nil || !strings.Contains(err.Error(), "operator configured none") {
		t.Errorf("got %v, want an error that says whose keys are missing", err)
	}
}

func TestSTSRefusal(t *testing.T) {
	t.Parallel()
	_, s := newSTS(t, nil)
	for arn, want := range map[string]string{
		"arn:aws:iam::123456789012:role/forbidden": "signing failed: sts.amazonaws.com answered 403 AccessDenied: AKID with [secret] may not assume arn:aws:iam::123456789012:role/forbidden",
		"arn:aws:iam::123456789012:role/broken":    "signing failed: sts.amazonaws.com answered 200: the answer lacks the keys of a session or their end",
	} {
		_, err := s.Do(t.Context(), parse(t, SchemeAWSSTS, role(map[string]any{"roleArn": arn})), request(t, "GET", "https://ec2.us-east-1.amazonaws.com/"), nil)
		if _, ok := errors.AsType[*TokenError](err); !ok || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestSTSHost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ region, role, want string }{
		{Inferred, "arn:aws:iam::123456789012:role/r", "sts.amazonaws.com"},
		{Inferred, "odd", "sts.amazonaws.com"},
		{Inferred, "arn:aws-cn:iam::123456789012:role/r", "sts.cn-north-1.amazonaws.com.cn"},
		{Inferred, "arn:aws-us-gov:iam::123456789012:role/r", "sts.us-gov-west-1.amazonaws.com"},
		{"me-south-1", "arn:aws:iam::123456789012:role/r", "sts.me-south-1.amazonaws.com"},
		{"cn-northwest-1", "", "sts.cn-northwest-1.amazonaws.com.cn"},
	} {
		if got := stsHost(c.region, c.role); got != c.want {
			t.Errorf("stsHost(%q, %q): got %s, want %s", c.region, c.role, got, c.want)
		}
	}
}

func TestAccountNumber(t *testing.T) {
	t.Parallel()
	_, s := newSTS(t, nil)
	for _, cred := range []Credential{
		parse(t, SchemeAWS, map[string]any{"accessKey": "AKID", "secretKey": "hush"}),
		parse(t, SchemeAWSSTS, role(nil)),
	} {
		if got, err := s.AccountNumber(t.Context(), cred); err != nil || got != "210987654321" {
			t.Errorf("AccountNumber(%s): got %q %v", cred.Scheme(), got, err)
		}
	}
	if _, err := s.AccountNumber(t.Context(), Basic{}); err == nil {
		t.Error("AccountNumber(basic): got nil, want an error")
	}
}
