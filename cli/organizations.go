package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"espalier.dev/org"
	"espalier.dev/org/sheet"
	"espalier.dev/ref"
)

// newRoot is the flags of the verbs that make an organization without a parent.
type newRoot struct {
	Org          string   `required:"" key:"org-name" placeholder:"NAME" help:"Name of the organization."`
	Owner        string   `required:"" key:"-" placeholder:"EMAIL" help:"Its first owner."`
	Capabilities []string `key:"-" placeholder:"A,B" help:"What it holds beside iam; by default all built-in capabilities."`
	PasswordFile string   `key:"-" placeholder:"FILE" help:"File with a password for the owner, in place of one it may have."`
	MaxDepth     *int64   `key:"-" placeholder:"N" help:"How many levels of parents may stand below it; by default 1."`
	MaxWidth     *int64   `key:"-" placeholder:"N" help:"How many direct customers it may have; by default any number."`
	jsonOutput
}

// request is what the flags ask for.
func (n *newRoot) request(first bool) (r rootRequest, err error) {
	if n.PasswordFile != "" {
		if r.Password, err = readSecret("--password-file", n.PasswordFile); err != nil {
			return r, err
		}
	}
	capabilities := n.Capabilities
	if capabilities == nil {
		capabilities = org.BuiltIn()
	}
	r.NewRoot = org.NewRoot{Name: n.Org, Owner: org.Owner{Email: n.Owner}, Capabilities: capabilities,
		MaxDepth: n.MaxDepth, MaxWidth: n.MaxWidth, First: first}
	return r, nil
}

// Made is what 'espalier init --json' and 'espalier org create --json' print.
type Made struct {
	OrgID        ref.OrgID     `json:"orgId"`
	ProjectID    ref.ProjectID `json:"projectId"`
	UserID       ref.UserID    `json:"userId"`
	Email        string        `json:"email"`
	RefreshToken string        `json:"refreshToken"`
}

func (n *newRoot) print(sh *Shell, m Made) error {
	if n.JSON {
		return printJSON(sh.Out, m)
	}
	_, err := fmt.Fprintf(sh.Out, "Organization %d, %s, is there; its project main is %d.\nIts owner is %s, user %d. The refresh token, shown this once:\n\n  %s\n",
		m.OrgID, printable(n.Org, false), m.ProjectID, m.Email, m.UserID, m.RefreshToken)
	return err
}

type initVerb struct {
	database
	newRoot
}

// Run makes the database, its keys and the first organization.
func (v *initVerb) Run(ctx context.Context, sh *Shell) (err error) {
	if err := v.check(); err != nil {
		return err
	}
	request, err := v.request(true)
	if err != nil {
		return err
	}
	db, err := v.open(ctx)
	if err != nil {
		return err
	}
	defer closing(db, &err)
	if err := v.schema(ctx, db, true); err != nil {
		return err
	}
	if !exists(v.keyFile()) {
		if err := createKeys(ctx, db, v.keyFile()); err != nil {
			return err
		}
	}
	s, err := newSystem(ctx, db, systemConfig{keyFile: v.keyFile(), log: sh.log()})
	if err != nil {
		return err
	}
	defer closing(s, &err)
	made, err := s.createRoot(ctx, request)
	if err != nil {
		return err
	}
	return v.print(sh, made)
}

type orgVerb struct {
	Create        orgCreate        `cmd:"" help:"Make a further organization without a parent."`
	SetCapability orgSetCapability `cmd:"" help:"Give an organization a capability, another end of one, or other terms of msp."`
}

type orgCreate struct {
	database
	newRoot
}

// Run makes a further root, by the running server where there is one.
func (v *orgCreate) Run(ctx context.Context, sh *Shell) error {
	request, err := v.request(false)
	if err != nil {
		return err
	}
	return v.operate(ctx, sh, func(o operator) error {
		made, err := o.createRoot(ctx, request)
		if err != nil {
			return err
		}
		return v.print(sh, made)
	})
}

type orgSetCapability struct {
	database
	Org     int64    `arg:"" help:"The organization."`
	Name    string   `arg:"" help:"The capability, e.g. policy."`
	Expires string   `key:"-" placeholder:"DATE" help:"When it ends, 2027-06-30 (00:00 UTC) or a full RFC 3339 time; never takes the end away."`
	Term    []string `key:"-" sep:"none" placeholder:"K=V" help:"A term of msp: maxDepth=N or maxWidth=N; may be repeated."`
	jsonOutput
}

// Run changes the capability, by the running server where there is one.
func (v *orgSetCapability) Run(ctx context.Context, sh *Shell) error {
	change, err := v.request()
	if err != nil {
		return usageOf(err)
	}
	return v.operate(ctx, sh, func(o operator) error {
		held, err := o.setCapability(ctx, change)
		if err != nil {
			return err
		}
		if v.JSON {
			return printJSON(sh.Out, held)
		}
		end := "without an end"
		if !held.Ends.IsZero() {
			end = "until " + held.Ends.Format(time.RFC3339)
		}
		_, err = fmt.Fprintf(sh.Out, "Organization %d holds %s %s.\n", v.Org, held.Name, end)
		return err
	})
}

func (v *orgSetCapability) request() (org.SetCapability, error) {
	c := org.SetCapability{Org: ref.OrgID(v.Org), Name: v.Name}
	switch v.Expires {
	case "":
	case "never":
		c.ExpiresAt = &time.Time{}
	default:
		at, err := sheet.ParseDate(v.Expires)
		if err != nil {
			return c, fmt.Errorf("--expires: %w", err)
		}
		c.ExpiresAt = &at
	}
	for _, term := range v.Term {
		key, value, _ := strings.Cut(term, "=")
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return c, fmt.Errorf("--term %s: want maxDepth=N or maxWidth=N", term)
		}
		switch key {
		case "maxDepth":
			c.MaxDepth = &n
		case "maxWidth":
			c.MaxWidth = &n
		default:
			return c, fmt.Errorf("--term %s: want maxDepth=N or maxWidth=N", term)
		}
	}
	return c, nil
}
