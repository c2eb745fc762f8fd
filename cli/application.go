package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// applicationVerb is the verbs about applications that sign users of the organization in.
type applicationVerb struct {
	List   applicationList   `cmd:"" help:"List the applications of the organization."`
	Show   applicationShow   `cmd:"" help:"Show one."`
	Create applicationCreate `cmd:"" help:"Register one; its secret is shown this once."`
	Update applicationUpdate `cmd:"" help:"Change one."`
	Secret applicationSecret `cmd:"" help:"Give one another secret; the old one is worthless at once."`
	Delete applicationDelete `cmd:"" help:"End one and what its users opened with it, at once."`
}

type applicationID struct {
	ID ref.ApplicationID `arg:"" name:"client-id" help:"The client_id, as 'espalier application list' shows it."`
}

type applicationList struct {
	remote
	jsonOutput
}

// Run lists them, oldest first.
func (v *applicationList) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	list, err := c.Applications(ctx, org)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, wire.Values[wire.Application]{Values: append([]wire.Application{}, list...)})
	}
	t := table{head: []string{"CLIENT ID", "NAME", "KIND", "API", "COMES BACK TO"}}
	for _, a := range list {
		t.add(string(a.ID), a.Name, applicationKind(a), yesNo(a.API), strings.Join(a.RedirectURIs, " "))
	}
	return t.print(sh.Out)
}

func applicationKind(a wire.Application) string {
	if a.Public {
		return "public"
	}
	return "with a secret"
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

type applicationShow struct {
	remote
	applicationID
	jsonOutput
}

// Run shows one.
func (v *applicationShow) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	a, err := c.Application(ctx, org, v.ID)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, a)
	}
	facts := table{}
	facts.add("Client id", string(a.ID))
	facts.add("Name", a.Name)
	facts.add("Kind", applicationKind(a))
	facts.add("May ask for the API", yesNo(a.API))
	facts.add("Asks for consent", yesNo(!a.SkipConsent))
	facts.add("Created", instant(a.CreatedAt))
	facts.add("Changed", instant(a.UpdatedAt))
	addresses := table{head: []string{"AFTER", "ADDRESS"}}
	for _, uri := range a.RedirectURIs {
		addresses.add("signing in", uri)
	}
	for _, uri := range a.LogoutURIs {
		addresses.add("signing out", uri)
	}
	return printTables(sh.Out, facts, addresses)
}

type applicationCreate struct {
	Name        string   `arg:"" help:"Name, as users see it."`
	Redirect    []string `key:"-" required:"" sep:"none" placeholder:"URI" help:"Where users come back to after signing in, compared byte by byte; may be repeated."`
	Logout      []string `key:"-" sep:"none" placeholder:"URI" help:"Where users may be sent to after signing out; may be repeated."`
	Public      bool     `key:"-" help:"It runs in browsers or on users' devices, and can keep no secret."`
	API         bool     `name:"api" key:"-" help:"It may ask users for access to the API, with their rights in the organization."`
	SkipConsent bool     `key:"-" help:"Tell it who its users are without asking them."`
	remote
	jsonOutput
}

// Run registers one.
func (v *applicationCreate) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	made, err := c.CreateApplication(ctx, org, wire.ApplicationForm{Name: &v.Name, RedirectURIs: &v.Redirect, LogoutURIs: given(v.Logout),
		Public: &v.Public, API: &v.API, SkipConsent: &v.SkipConsent})
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, made)
	}
	if made.ClientSecret == "" {
		_, err = fmt.Fprintf(sh.Out, "Application %s is registered. It is public: it has no secret and sends a PKCE challenge.\n", made.ID)
		return err
	}
	_, err = fmt.Fprintf(sh.Out, "Application %s is registered. Its secret is shown this once:\n\n  %s\n", made.ID, printable(made.ClientSecret, false))
	return err
}

// given is a list for a body; one that is empty is left out.
func given(list []string) *[]string {
	if len(list) == 0 {
		return nil
	}
	return &list
}

type applicationUpdate struct {
	applicationID
	Name        *string  `key:"-" placeholder:"NAME" help:"Another name."`
	Redirect    []string `key:"-" sep:"none" placeholder:"URI" help:"All addresses that users come back to, in place of those there are; users are asked for consent anew."`
	Logout      []string `key:"-" sep:"none" placeholder:"URI" help:"All addresses after signing out, in place of those there are."`
	NoLogout    bool     `key:"-" help:"No address after signing out."`
	API         *bool    `name:"api" key:"-" negatable:"" help:"It may ask users for access to the API. Without it, sessions with such access end."`
	SkipConsent *bool    `key:"-" negatable:"" help:"Tell it who its users are without asking them."`
	remote
	jsonOutput
}

// Run changes one.
func (v *applicationUpdate) Run(ctx context.Context, sh *Shell) error {
	f := wire.ApplicationForm{Name: v.Name, RedirectURIs: given(v.Redirect), LogoutURIs: given(v.Logout), API: v.API, SkipConsent: v.SkipConsent}
	if v.NoLogout {
		f.LogoutURIs = &[]string{}
	}
	if f == (wire.ApplicationForm{}) {
		return usageOf(errors.New("nothing to change: give a flag such as --name"))
	}
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	if err := c.UpdateApplication(ctx, org, v.ID, f); err != nil {
		return err
	}
	a, err := c.Application(ctx, org, v.ID)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, a)
	}
	_, err = fmt.Fprintf(sh.Out, "Application %s is changed.\n", a.ID)
	return err
}

type applicationSecret struct {
	applicationID
	remote
	jsonOutput
}

// Run renews a secret.
func (v *applicationSecret) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	s, err := c.RenewApplicationSecret(ctx, org, v.ID)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, s)
	}
	_, err = fmt.Fprintf(sh.Out, "The new secret of application %s is shown this once:\n\n  %s\n", s.ID, printable(s.ClientSecret, false))
	return err
}

// deletedApplicationJSON is what 'espalier application delete --json' prints.
type deletedApplicationJSON struct {
	ID ref.ApplicationID `json:"id"`
}

type applicationDelete struct {
	applicationID
	remote
	jsonOutput
}

// Run ends one.
func (v *applicationDelete) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	if err := c.DeleteApplication(ctx, org, v.ID); err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, deletedApplicationJSON{v.ID})
	}
	_, err = fmt.Fprintf(sh.Out, "Application %s is deleted.\n", v.ID)
	return err
}
