package cli

import (
	"context"
	"fmt"

	"espalier.dev/client"
	"espalier.dev/contract/wire"
	"espalier.dev/errs"
	"espalier.dev/ref"
	"espalier.dev/token"
)

// tokenVerb is the verbs about refresh tokens: of oneself over the API, or with --user of anyone on the data itself.
type tokenVerb struct {
	Create tokenCreate `cmd:"" help:"Make a refresh token; it is shown this once."`
	List   tokenList   `cmd:"" help:"List the refresh tokens that can still be used."`
	Revoke tokenRevoke `cmd:"" help:"End a refresh token and every access token made from it, at once."`
}

// tokenOwner is the flags that say whose tokens are meant, and how they are reached.
type tokenOwner struct {
	server
	User string `key:"-" placeholder:"EMAIL" help:"The operator's form: the tokens of this user, with --data or --database-url instead of a profile."`
	database
	jsonOutput
}

// reach runs the operator's form if --user is given, else the client's.
func (o *tokenOwner) reach(ctx context.Context, sh *Shell, operator func(operator) error, own func(*client.Client) error) error {
	if o.User != "" {
		return o.operate(ctx, sh, operator)
	}
	p, err := o.profile(sh)
	if err != nil {
		return err
	}
	c, err := newClient(p.URL, p.RefreshToken)
	if err != nil {
		return err
	}
	return own(c)
}

// tokenOf is what the operator asks about tokens: whose, and by its id which one or by what name a new one.
type tokenOf struct {
	Email string
	Name  string
	ID    ref.TokenID
}

// revokedJSON is what 'espalier token revoke --json' prints.
type revokedJSON struct {
	ID ref.TokenID `json:"id"`
}

type tokenCreate struct {
	Name string `key:"-" placeholder:"NAME" help:"What to call it, so that it can be told from others."`
	tokenOwner
}

// Run makes the token.
func (v *tokenCreate) Run(ctx context.Context, sh *Shell) error {
	var made wire.NewToken
	err := v.reach(ctx, sh, func(o operator) (err error) {
		made, err = o.createToken(ctx, tokenOf{Email: v.User, Name: v.Name})
		return err
	}, func(c *client.Client) (err error) {
		made, err = c.CreateRefreshToken(ctx, v.Name)
		return err
	})
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, made)
	}
	_, err = fmt.Fprintf(sh.Out, "Refresh token %s is good until %s. It is shown this once:\n\n  %s\n", made.ID, instant(made.ExpiresAt), printable(made.Token, false))
	return err
}

type tokenList struct{ tokenOwner }

// Run lists tokens, newest first. The JSON is the list of the API.
func (v *tokenList) Run(ctx context.Context, sh *Shell) error {
	var list []wire.RefreshToken
	err := v.reach(ctx, sh, func(o operator) (err error) {
		list, err = o.listTokens(ctx, tokenOf{Email: v.User})
		return err
	}, func(c *client.Client) (err error) {
		list, err = c.RefreshTokens(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, wire.Values[wire.RefreshToken]{Values: append([]wire.RefreshToken{}, list...)})
	}
	t := table{head: []string{"ID", "NAME", "CREATED", "EXPIRES", "LAST USED"}}
	for _, r := range list {
		used := "never"
		if !r.LastUsedAt.IsZero() {
			used = instant(r.LastUsedAt)
		}
		if r.Current {
			used += " (this one)"
		}
		t.add(string(r.ID), r.Name, instant(r.CreatedAt), instant(r.ExpiresAt), used)
	}
	return t.print(sh.Out)
}

type tokenRevoke struct {
	ID ref.TokenID `arg:"" name:"id" help:"Id of the token, as 'espalier token list' shows it."`
	tokenOwner
}

// Run ends the token.
func (v *tokenRevoke) Run(ctx context.Context, sh *Shell) error {
	err := v.reach(ctx, sh, func(o operator) error {
		_, err := o.revokeToken(ctx, tokenOf{Email: v.User, ID: v.ID})
		return err
	}, func(c *client.Client) error {
		return c.RevokeRefreshToken(ctx, v.ID)
	})
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, revokedJSON{v.ID})
	}
	_, err = fmt.Fprintf(sh.Out, "Refresh token %s is revoked.\n", v.ID)
	return err
}

func (s *system) createToken(ctx context.Context, n tokenOf) (wire.NewToken, error) {
	user, err := s.people.UserByEmail(ctx, byOperator(), n.Email)
	if err != nil {
		return wire.NewToken{}, err
	}
	t, text, err := s.tokens.CreateFor(ctx, byOperator(), user, n.Name)
	if err != nil {
		return wire.NewToken{}, err
	}
	return wire.NewToken{ID: t.ID, Token: text, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt}, nil
}

func (s *system) listTokens(ctx context.Context, of tokenOf) ([]wire.RefreshToken, error) {
	list, err := s.tokensOf(ctx, of)
	shown := make([]wire.RefreshToken, len(list))
	for i, t := range list {
		shown[i] = wire.RefreshToken{ID: t.ID, Name: t.Name, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, LastUsedAt: t.LastUsedAt}
	}
	return shown, err
}

func (s *system) tokensOf(ctx context.Context, of tokenOf) ([]token.RefreshToken, error) {
	user, err := s.people.UserByEmail(ctx, byOperator(), of.Email)
	if err != nil {
		return nil, err
	}
	return s.tokens.ListFor(ctx, byOperator(), user)
}

// revokeToken looks for the token among those of the user first: an id of another's, mistyped, would end a stranger's work.
func (s *system) revokeToken(ctx context.Context, t tokenOf) (revokedJSON, error) {
	list, err := s.tokensOf(ctx, t)
	if err != nil {
		return revokedJSON{}, err
	}
	for _, one := range list {
		if one.ID == t.ID {
			return revokedJSON{t.ID}, s.tokens.Revoke(ctx, byOperator(), t.ID)
		}
	}
	return revokedJSON{}, errs.NotFoundf("%s has no refresh token %s", t.Email, t.ID)
}
