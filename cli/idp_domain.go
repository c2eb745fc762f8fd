package cli

import (
	"context"
	"errors"
	"fmt"

	"espalier.dev/client"
	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// domainVerb is the verbs about the domains of an identity provider.
type domainVerb struct {
	List   domainList   `cmd:"" help:"List the domains of an identity provider."`
	Add    domainAdd    `cmd:"" help:"Name a domain, and print the TXT record that proves it."`
	Verify domainVerify `cmd:"" help:"Look for the record in the DNS; from then on the domain counts."`
	Delete domainDelete `cmd:"" help:"Take a domain away."`
}

type domainList struct {
	remote
	idpArg
	jsonOutput
}

// Run lists them.
func (v *domainList) Run(ctx context.Context, sh *Shell) error {
	c, org, f, err := dialTo(ctx, sh, &v.remote, v.find)
	if err != nil {
		return err
	}
	list, err := c.Domains(ctx, org, f.id())
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, wire.Values[wire.Domain]{Values: append([]wire.Domain{}, list...)})
	}
	t := domainTable(list)
	return t.print(sh.Out)
}

// domainChange is a verb about one domain.
type domainChange struct {
	domainList
	Domain string `arg:"" help:"The domain, as acme.example."`
}

func (v *domainChange) run(ctx context.Context, sh *Shell, change func(*client.Client, ref.OrgID, ref.ProviderID) (wire.Domain, error), say func(wire.Domain) string) error {
	c, org, f, err := dialTo(ctx, sh, &v.remote, v.find)
	if err != nil {
		return err
	}
	d, err := change(c, org, f.id())
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, d)
	}
	_, err = fmt.Fprintln(sh.Out, printable(say(d), false))
	return err
}

type domainAdd struct{ domainChange }

// Run names a domain.
func (v *domainAdd) Run(ctx context.Context, sh *Shell) error {
	return v.run(ctx, sh, func(c *client.Client, org ref.OrgID, id ref.ProviderID) (wire.Domain, error) {
		return c.RegisterDomain(ctx, org, id, v.Domain)
	}, func(d wire.Domain) string {
		return fmt.Sprintf("Put a TXT record with the text %s at %s, then: espalier idp domain verify %s %s", d.VerificationCode, d.Name, d.IdentityProviderID, d.Name)
	})
}

type domainVerify struct{ domainChange }

// Run has the server look.
func (v *domainVerify) Run(ctx context.Context, sh *Shell) error {
	return v.run(ctx, sh, func(c *client.Client, org ref.OrgID, id ref.ProviderID) (wire.Domain, error) {
		return c.VerifyDomain(ctx, org, id, v.Domain)
	}, func(d wire.Domain) string {
		return fmt.Sprintf("Domain %s is verified: its people sign in through identity provider %s.", d.Name, d.IdentityProviderID)
	})
}

type domainDelete struct{ domainChange }

// Run takes one away.
func (v *domainDelete) Run(ctx context.Context, sh *Shell) error {
	return v.run(ctx, sh, func(c *client.Client, org ref.OrgID, id ref.ProviderID) (wire.Domain, error) {
		return wire.Domain{Name: v.Domain, OrgID: org, IdentityProviderID: id}, c.DeleteDomain(ctx, org, id, v.Domain)
	}, func(d wire.Domain) string { return fmt.Sprintf("Domain %s is gone.", d.Name) })
}

// loginPolicyIDP is the verbs about the login policy.
type loginPolicyIDP struct {
	Show loginPolicyShow `cmd:"" help:"Show it."`
	Set  loginPolicySet  `cmd:"" help:"Change it."`
}

type loginPolicyShow struct {
	remote
	jsonOutput
}

// shownLoginPolicy is what 'espalier idp login-policy show --json' prints.
type shownLoginPolicy struct {
	wire.LoginPolicy
	BreakGlassUserID ref.UserID `json:"breakGlassUserId,omitempty"`
}

// Run shows it.
func (v *loginPolicyShow) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	return v.print(ctx, sh, c, org)
}

func (v *loginPolicyShow) print(ctx context.Context, sh *Shell, c *client.Client, org ref.OrgID) error {
	p, err := c.LoginPolicy(ctx, org)
	if err != nil {
		return err
	}
	b, err := c.BreakGlass(ctx, org)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, shownLoginPolicy{p, b.UserID})
	}
	t := table{}
	t.add("People must sign in through an identity provider", yesNo(p.EnforceSSO))
	t.add("Identity provider by default", string(p.DefaultIDPID))
	if b.UserID == 0 {
		t.add("Owner who need not", "none")
	} else {
		t.add("Owner who need not", b.UserID.String())
	}
	return t.print(sh.Out)
}

type loginPolicySet struct {
	loginPolicyShow
	EnforceSSO *bool   `name:"enforce-sso" key:"-" negatable:"" help:"People must sign in through an identity provider."`
	Default    *string `key:"-" placeholder:"IDP" help:"Identity provider by default, by id or name; none for none."`
	BreakGlass *string `key:"-" placeholder:"USER" help:"The owner who may sign in past it, by number or e-mail address; none for nobody."`
}

// Validate is called by kong.
func (v *loginPolicySet) Validate() error {
	if v.EnforceSSO == nil && v.Default == nil && v.BreakGlass == nil {
		return errors.New("nothing to change: give --enforce-sso, --default or --break-glass")
	}
	return nil
}

// Run changes it: who need not first, so that nobody is locked out in between.
func (v *loginPolicySet) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	var change wire.UpdateLoginPolicy
	change.LoginPolicy.EnforceSSO = v.EnforceSSO
	if v.Default != nil {
		id, err := v.defaultIDP(ctx, c, org)
		if err != nil {
			return err
		}
		change.LoginPolicy.DefaultIDPID = &id
	}
	if v.BreakGlass != nil {
		if err := v.setBreakGlass(ctx, c, org); err != nil {
			return err
		}
	}
	if v.EnforceSSO != nil || v.Default != nil {
		if err := c.UpdateLoginPolicy(ctx, org, change); err != nil {
			return err
		}
	}
	return v.print(ctx, sh, c, org)
}

func (v *loginPolicySet) defaultIDP(ctx context.Context, c *client.Client, org ref.OrgID) (ref.ProviderID, error) {
	if *v.Default == "none" {
		return "", nil
	}
	f, err := idpArg{*v.Default}.find(ctx, c, org)
	if err != nil {
		return "", err
	}
	return f.id(), nil
}

func (v *loginPolicySet) setBreakGlass(ctx context.Context, c *client.Client, org ref.OrgID) (err error) {
	var id ref.UserID
	if *v.BreakGlass != "none" {
		if id, err = findUser(ctx, c, org, *v.BreakGlass); err != nil {
			return err
		}
	}
	return c.SetBreakGlass(ctx, org, id)
}
