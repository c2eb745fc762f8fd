package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"golang.org/x/term"

	"espalier.dev/contract/wire"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// notSignedIn is the answer to a verb whose profile does not exist.
func notSignedIn(name string) error {
	return errs.Unauthenticatedf("profile %q does not exist; run: espalier login URL --profile %s", name, name)
}

type loginVerb struct {
	Server    string    `arg:"" name:"url" help:"Address of the server, such as https://espalier.example.com."`
	Profile   string    `default:"default" placeholder:"NAME" help:"Name to keep it under."`
	Org       ref.OrgID `placeholder:"ID" help:"Organization that verbs work in; the only one that the token reaches if left out."`
	TokenFile string    `placeholder:"FILE" help:"File with the refresh token; asked for, or read from the input, if left out."`
	jsonOutput
}

// Help is the longer text of the verb.
func (v *loginVerb) Help() string {
	return `A refresh token is shown once, where it is made: by 'espalier init', 'espalier token create' or the console.
It is never an argument, since arguments are seen by other users and kept in the shell's history.
The server is asked whom the token belongs to before the profile is kept.`
}

// Run asks for the token, checks it and keeps it.
func (v *loginVerb) Run(ctx context.Context, sh *Shell) error {
	stored, err := loadProfiles(sh)
	if err != nil {
		return err
	}
	token, err := v.token(sh)
	if err != nil {
		return err
	}
	c, err := newClient(v.Server, token)
	if err != nil {
		return err
	}
	warnOfPlainHTTP(sh, c.URL())
	me, err := c.Me(ctx)
	if err != nil {
		return err
	}
	org, err := chooseOrg(me, v.Org)
	if err != nil {
		return err
	}
	stored.list[v.Profile] = profile{URL: c.URL(), Org: org, RefreshToken: token}
	if err := stored.save(); err != nil {
		return err
	}
	return v.report(sh, c.URL(), me, org)
}

// token returns the refresh token, from the file, from the person or from the input's first line.
func (v *loginVerb) token(sh *Shell) (string, error) {
	if v.TokenFile != "" {
		return readTokenFile(v.TokenFile)
	}
	var text string
	if in, ok := sh.In.(*os.File); ok && sh.Interactive() {
		fmt.Fprint(sh.Err, "Refresh token (not shown): ")
		typed, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(sh.Err)
		if err != nil {
			return "", fmt.Errorf("refresh token: %w", err)
		}
		text = string(typed)
	} else {
		text, _ = bufio.NewReader(sh.In).ReadString('\n') // the last line may lack its end
	}
	token := strings.TrimSpace(text)
	if token == "" {
		return "", usageOf(errors.New("no refresh token: give it on the input, or name a file by --token-file"))
	}
	return token, nil
}

// chooseOrg returns the organization to keep: the one asked for, else the only one there is, else none.
func chooseOrg(me wire.Me, asked ref.OrgID) (ref.OrgID, error) {
	for _, o := range me.Orgs {
		if o.ID == asked {
			return asked, nil
		}
	}
	switch {
	case asked != 0:
		return 0, errs.NotFoundf("organization %d: %s has no tie to it; ties: %s", asked, me.Email, orgNames(me))
	case len(me.Orgs) == 1:
		return me.Orgs[0].ID, nil
	}
	return 0, nil
}

func orgNames(me wire.Me) string {
	names := make([]string, len(me.Orgs))
	for i, o := range me.Orgs {
		names[i] = fmt.Sprintf("%d (%s)", o.ID, o.Name)
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// report says who is signed in where. The token is not shown again.
func (v *loginVerb) report(sh *Shell, url string, me wire.Me, org ref.OrgID) error {
	if v.JSON {
		return printJSON(sh.Out, struct {
			Profile string    `json:"profile"`
			URL     string    `json:"url"`
			Org     ref.OrgID `json:"orgId,omitempty"`
			Me      wire.Me   `json:"me"`
		}{v.Profile, url, org, me})
	}
	fmt.Fprintf(sh.Out, "Signed in at %s as %s; profile %q.\n", url, printable(me.Email, false), v.Profile)
	if org == 0 {
		fmt.Fprintf(sh.Out, "No organization is chosen: give --org to each verb. The token reaches: %s\n", printable(orgNames(me), false))
		return nil
	}
	for _, o := range me.Orgs {
		if o.ID == org {
			fmt.Fprintf(sh.Out, "Verbs work in organization %d (%s).\n", org, printable(o.Name, false))
		}
	}
	return nil
}

// warnOfPlainHTTP says that the token can be read on the way, unless there is no way.
func warnOfPlainHTTP(sh *Shell, address string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || u.Hostname() == "localhost" {
		return
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
		return
	}
	fmt.Fprintln(sh.Err, "espalier: warning: http does not hide the token on its way; use https if this is more than a trusted network")
}
