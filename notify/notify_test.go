package notify

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestSteps(t *testing.T) {
	t.Parallel()
	now := at("2026-11-25T06:00:00Z")
	for ends, want := range map[string]string{
		"2027-01-25T06:00:01Z": "none", // 61 days
		"2027-01-24T06:00:00Z": "60",
		"2026-12-26T06:00:00Z": "60",
		"2026-12-25T06:00:00Z": "30",
		"2026-12-02T06:00:00Z": "7",
		"2026-11-26T06:00:00Z": "1",
		"2026-11-25T23:59:59Z": "0",
		"2026-11-25T00:00:00Z": "0",
		"2026-11-24T06:00:01Z": "0",
		"2026-11-24T06:00:00Z": "none",
	} {
		got := "none"
		if days, ok := (Ending{Ends: at(ends)}).step(now); ok {
			got = fmt.Sprint(days)
		}
		if got != want {
			t.Errorf("ends %s: got step %s, want %s", ends, got, want)
		}
	}
}

func TestOneDigestForEachPerson(t *testing.T) {
	t.Parallel()
	end := at("2026-12-01T00:00:00Z")
	endings := []Ending{
		{Org: 7, OrgName: "MSP", Capability: "policy", Ends: end},
		{Org: 8, OrgName: "Acme", Parent: 7, Capability: "policy", Ends: end},
		{Org: 9, OrgName: "Bolt", Parent: 7, Capability: "fcm", Ends: end.Add(-time.Hour)},
	}
	people := []Recipient{
		{User: 1, Org: 7, Owner: true}, {User: 2, Org: 7}, {User: 3, Org: 8, Owner: true}, {User: 2, Org: 8, Owner: true}, {User: 4, Org: 9},
	}
	got := map[ref.UserID]string{}
	for _, d := range digests(endings, people) {
		for _, e := range d.endings {
			got[d.User] += fmt.Sprintf("%d %s; ", e.Org, e.Capability)
		}
	}
	for user, want := range map[ref.UserID]string{
		1: "9 fcm; 8 policy; 7 policy; ", // an owner of the parent: its own, and its customers'
		2: "9 fcm; 8 policy; ",           // manages customers, and owns one of them: told once
		3: "8 policy; ",
		4: "", // manages the customers of Bolt, of which there are none
	} {
		if got[user] != want {
			t.Errorf("user %d: got %q, want %q", user, got[user], want)
		}
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	to := Address{Email: "ann@acme.example", Name: "Ann <b>"}
	link := "https://espalier.example.com/invitation/x?y=1"
	row := map[string]any{"organization": "A <i>&", "capability": "policy", "ends": "2026-12-01T00:00:00Z", "days": 6.0, "today": false}
	for kind, data := range map[Kind]map[string]any{
		Invitation:    {"inviter": "Olga\r\nBcc: all@x", "organization": "A <i>&", "link": link, "expires": "2026-12-01T00:00:00Z"},
		PasswordReset: {"link": link, "minutes": "30"},
		SignInChanged: {"what": "A passkey was added."},
		OwnersChanged: {"organization": "A <i>&", "by": "Olga", "added": []any{"x@y.example"}, "removed": []any{}},
		Expiry:        {"rows": []any{row}},
	} {
		m, err := Render(kind, to, Branding{Product: "Northwind", LogoURL: `https://x/"onload=`, Accent: "red;}", Footer: "Foot"}, "https://espalier.example.com", data)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if m.Subject == "" || strings.ContainsAny(m.Subject, "\r\n") || m.FromName != "Northwind" {
			t.Errorf("%s: subject %q from %q", kind, m.Subject, m.FromName)
		}
		for _, part := range []string{m.Text, m.HTML} {
			if strings.Contains(part, "<no value>") || strings.Contains(part, "ZgotmplZ") && !strings.Contains(part, "src=\"#ZgotmplZ\"") {
				t.Errorf("%s: something is missing in\n%s", kind, part)
			}
			if !strings.Contains(part, "Foot") || !strings.Contains(part, "ann@acme.example") {
				t.Errorf("%s: no foot in\n%s", kind, part)
			}
		}
		for _, bad := range []string{"<b>", "<i>", `"onload`, "red;}"} {
			if strings.Contains(m.HTML, bad) {
				t.Errorf("%s: the HTML holds %s as it was given", kind, bad)
			}
		}
		if _, has := data["link"]; has && (!strings.Contains(m.Text, link) || !strings.Contains(m.HTML, `href="https://espalier.example.com/invitation/x?y=1"`)) {
			t.Errorf("%s: no link", kind)
		}
	}
	if _, err := Render("nosuch", to, Branding{}, "", nil); err == nil {
		t.Error("a kind without templates is rendered")
	}
}

func TestPausesGrow(t *testing.T) {
	t.Parallel()
	now := at("2026-11-25T06:00:00Z")
	total, last := time.Duration(0), time.Duration(0)
	for n := 0; ; n++ {
		next, again := nextTry(Row{Attempts: n}, now, errors.New("away"))
		if !again {
			if n != len(pauses) {
				t.Errorf("given up after %d failures, want %d", n, len(pauses))
			}
			break
		}
		pause := next.Sub(now)
		if pause < last {
			t.Errorf("pause %d is %v, after %v", n, pause, last)
		}
		total, last = total+pause, pause
	}
	if total < 72*time.Hour || total > 96*time.Hour {
		t.Errorf("given up after %v, want about three days", total)
	}
	if _, again := nextTry(Row{}, now, errs.Invalidf("no such mailbox")); again {
		t.Error("a mail that is refused for good is tried again")
	}
}

func TestSMTPConfig(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		cfg  SMTPConfig
		want string
	}{
		{SMTPConfig{Host: "smtp.example.com", TLS: "starttls", From: "N <n@example.com>"}, ""},
		{SMTPConfig{Host: "smtp.example.com:2525", TLS: "tls", From: "n@example.com"}, ""},
		{SMTPConfig{Host: "smtp.example.com", TLS: "starttls", From: "nobody"}, "--mail-from"},
		{SMTPConfig{Host: "smtp.example.com", TLS: "maybe", From: "n@example.com"}, "--smtp-tls"},
		{SMTPConfig{Host: ":25", TLS: "none", From: "n@example.com"}, "--smtp-host"},
		{SMTPConfig{Host: "x:99999", TLS: "none", From: "n@example.com"}, "--smtp-host"},
		{SMTPConfig{Host: "x", TLS: "none", User: "u", Password: "p", From: "n@example.com"}, "in plain"},
	} {
		_, err := NewSMTP(tt.cfg)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: got %v, want %q", tt.cfg, err, tt.want)
		}
	}
}
