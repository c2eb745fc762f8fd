package sign

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// AWSSTS assumes a role and signs with its temporary keys.
type AWSSTS struct {
	AWSKeys // that assume the role; without an access key the operator's, Config.AWSBase
	AWSTarget
	RoleARN         string
	RoleSessionName string
	ExternalID      string // that the role's owner agreed with the credential's; "" for none
	PolicyJSON      string // narrows what the session may do; "" for none
	MaxMinutes      int    // life of a session
}

// Scheme is aws_sts.
func (AWSSTS) Scheme() Scheme { return SchemeAWSSTS }

// Secrets is the secret key and the external id, which AWS treats as none but whose point is that others do not know it.
func (c AWSSTS) Secrets() []string {
	return secretForms(c.SecretKey, c.SessionToken, Secret(c.ExternalID))
}

// roleARN is a role's name, with its account: arn:aws:iam::123456789012:role/path/name.
var roleARN = regexp.MustCompile(`^arn:(aws[a-z-]*):iam::([0-9]{12}):role/.+$`)

// account is the number of an AWS account.
var account = regexp.MustCompile(`^[0-9]{12}$`)

// InAccount is the credential for the role of the same name in another account, as the template's aws_account_number asks;
// an empty number changes nothing. Dashes in the number are taken away.
func (c AWSSTS) InAccount(number string) (AWSSTS, error) {
	number = strings.ReplaceAll(strings.TrimSpace(number), "-", "")
	if number == "" {
		return c, nil
	}
	if !account.MatchString(number) {
		return c, fmt.Errorf("aws_account_number %q is no account of AWS, which has 12 digits", number)
	}
	at := roleARN.FindStringSubmatchIndex(c.RoleARN)
	if at == nil {
		return c, fmt.Errorf("roleArn %q has no account that aws_account_number could replace; a role reads arn:aws:iam::123456789012:role/name", c.RoleARN)
	}
	c.RoleARN = c.RoleARN[:at[4]] + number + c.RoleARN[at[5]:]
	return c, nil
}

func (c AWSSTS) send(s *Signer, req *http.Request, body []byte) (*http.Response, error) {
	keys, err := s.session(req.Context(), c)
	if err != nil {
		return nil, err
	}
	return s.sendAWS(keys, c.AWSTarget, req, body)
}

// session returns the keys of a session of the role, kept until shortly before it ends.
func (s *Signer) session(ctx context.Context, c AWSSTS) (AWSKeys, error) {
	return s.sessions.get(ctx, contentKey(c), s.now, func(AWSKeys) (AWSKeys, time.Time, error) {
		return s.assumeRole(ctx, c)
	})
}

// AccountNumber asks AWS which account the keys of a credential, AWS or AWSSTS, belong to (GetCallerIdentity); every valid key may ask that.
func (s *Signer) AccountNumber(ctx context.Context, cred Credential) (string, error) {
	number, err := s.accountNumber(ctx, cred)
	if err != nil {
		return "", s.scrub(cred, err)
	}
	return number, nil
}

func (s *Signer) accountNumber(ctx context.Context, cred Credential) (string, error) {
	var (
		keys   AWSKeys
		target AWSTarget
		role   string
		err    error
	)
	switch c := cred.(type) {
	case AWS:
		keys, target = c.AWSKeys, c.AWSTarget
	case AWSSTS:
		target, role = c.AWSTarget, c.RoleARN
		keys, err = s.session(ctx, c)
	default:
		err = errors.New("only credentials of the schemes aws and aws_sts belong to an account of AWS")
	}
	if err != nil {
		return "", err
	}
	var answer struct {
		Account string `xml:"GetCallerIdentityResult>Account"`
	}
	if err := s.askSTS(ctx, keys, stsHost(target.Region, role), url.Values{"Action": {"GetCallerIdentity"}}, &answer); err != nil {
		return "", err
	}
	return answer.Account, nil
}

func (s *Signer) assumeRole(ctx context.Context, c AWSSTS) (AWSKeys, time.Time, error) {
	base := c.AWSKeys
	if base.AccessKey == "" {
		if s.base == nil {
			return AWSKeys{}, time.Time{}, errors.New("the aws_sts credential has no accessKey and secretKey, and the operator configured none to assume roles with")
		}
		base = *s.base
	}
	form := url.Values{
		"Action":          {"AssumeRole"},
		"RoleArn":         {c.RoleARN},
		"RoleSessionName": {c.RoleSessionName},
		"DurationSeconds": {strconv.Itoa(c.MaxMinutes * 60)},
	}
	if c.ExternalID != "" {
		form.Set("ExternalId", c.ExternalID)
	}
	if c.PolicyJSON != "" {
		form.Set("Policy", c.PolicyJSON)
	}
	var answer struct {
		AccessKey    string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
		SecretKey    string `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
		SessionToken string `xml:"AssumeRoleResult>Credentials>SessionToken"`
		Expiration   string `xml:"AssumeRoleResult>Credentials>Expiration"`
	}
	host, now := stsHost(c.Region, c.RoleARN), s.now()
	if err := s.askSTS(ctx, base, host, form, &answer); err != nil {
		return AWSKeys{}, time.Time{}, err
	}
	end, err := time.Parse(time.RFC3339, answer.Expiration)
	if answer.AccessKey == "" || answer.SecretKey == "" || answer.SessionToken == "" || err != nil {
		return AWSKeys{}, time.Time{}, &TokenError{Host: host, Status: http.StatusOK, Description: "the answer lacks the keys of a session or their end"}
	}
	return AWSKeys{AccessKey: answer.AccessKey, SecretKey: Secret(answer.SecretKey), SessionToken: Secret(answer.SessionToken)}, until(now, end), nil
}

// stsHost is where sessions are asked for: in the region that the credential names, else at the address that belongs to the
// role's part of AWS. Sessions of the world-wide address hold only in regions that every account has, unless the account says
// otherwise; those of a region hold everywhere.
func stsHost(region, role string) string {
	if inferred(region) {
		part := ""
		if m := roleARN.FindStringSubmatch(role); m != nil {
			part = m[1]
		}
		switch part {
		case "aws-cn":
			region = "cn-north-1"
		case "aws-us-gov":
			region = "us-gov-west-1"
		default:
			return "sts.amazonaws.com"
		}
	}
	if strings.HasPrefix(region, "cn-") {
		return "sts." + region + ".amazonaws.com.cn"
	}
	return "sts." + region + ".amazonaws.com"
}

// askSTS calls an action of the security token service and reads its XML into answer.
func (s *Signer) askSTS(ctx context.Context, keys AWSKeys, host string, form url.Values, answer any) error {
	form.Set("Version", "2011-06-15")
	body := []byte(form.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+"/", nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", host, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r := outgoing(req, body)
	if err := s.signAWS(r, keys, AWSTarget{Service: "sts", Region: Inferred}, body); err != nil {
		return err
	}
	status, text, err := s.ask(r)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		var refusal struct {
			Code    string `xml:"Error>Code"`
			Message string `xml:"Error>Message"`
		}
		_ = xml.Unmarshal(text, &refusal) // what is no XML has neither
		return &TokenError{Host: host, Status: status, Code: words(refusal.Code), Description: words(refusal.Message)}
	}
	if err := xml.Unmarshal(text, answer); err != nil {
		return &TokenError{Host: host, Status: status, Description: "the answer is no XML"}
	}
	return nil
}
