package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// passwordVerb is the operator's verbs about passwords of people.
type passwordVerb struct {
	Set       passwordSet       `cmd:"" help:"Set a user's password; all its sessions end."`
	ResetLink passwordResetLink `cmd:"" help:"Make a link by which a user chooses a new password, to be handed over; good for 30 minutes, once."`
}

// passwordOf is what the operator asks about a password: whose, and the new one where one is set.
type passwordOf struct {
	Email    string
	Password string
}

// passwordSetJSON is what 'espalier password set --json' prints.
type passwordSetJSON struct {
	UserID ref.UserID `json:"userId"`
	Email  string     `json:"email"`
}

// resetLinkJSON is what 'espalier password reset-link --json' prints.
type resetLinkJSON struct {
	Link      string    `json:"link"`
	ExpiresAt time.Time `json:"expiresAt"`
}

type passwordSet struct {
	Email        string `arg:"" help:"The user."`
	PasswordFile string `required:"" key:"-" placeholder:"FILE" help:"File with the password; a newline at its end is no part of it."`
	database
	jsonOutput
}

// Run sets the password, by the running server where there is one.
func (v *passwordSet) Run(ctx context.Context, sh *Shell) error {
	password, err := readSecret("--password-file", v.PasswordFile)
	if err != nil {
		return err
	}
	return v.operate(ctx, sh, func(o operator) error {
		set, err := o.setPassword(ctx, passwordOf{Email: v.Email, Password: password})
		if err != nil {
			return err
		}
		if v.JSON {
			return printJSON(sh.Out, set)
		}
		_, err = fmt.Fprintf(sh.Out, "The password of %s is set, and all sessions have ended.\n", printable(set.Email, false))
		return err
	})
}

// readSecret reads a password or the like from the file that a flag names, less the line break behind it.
func readSecret(flag, path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if secret == "" {
		return "", errs.Invalidf("%s %s: the file is empty", flag, path)
	}
	return secret, nil
}

type passwordResetLink struct {
	Email     string `arg:"" help:"The user."`
	PublicURL string `name:"public-url" placeholder:"URL" help:"What the link begins with; a running server takes its own."`
	database
	jsonOutput
}

// Run makes the link, by the running server where there is one.
func (v *passwordResetLink) Run(ctx context.Context, sh *Shell) error {
	return v.operateAt(ctx, sh, v.PublicURL, func(o operator) error {
		made, err := o.resetLink(ctx, passwordOf{Email: v.Email})
		if err != nil {
			return err
		}
		if v.JSON {
			return printJSON(sh.Out, made)
		}
		_, err = fmt.Fprintf(sh.Out, "Hand this link to %s alone. It is good until %s, once:\n\n  %s\n", printable(v.Email, false), instant(made.ExpiresAt), made.Link)
		return err
	})
}

func (s *system) setPassword(ctx context.Context, p passwordOf) (passwordSetJSON, error) {
	user, err := s.people.UserByEmail(ctx, byOperator(), p.Email)
	if err != nil {
		return passwordSetJSON{}, err
	}
	return passwordSetJSON{user, p.Email}, s.signin.OverridePassword(ctx, byOperator(), user, p.Password)
}

func (s *system) resetLink(ctx context.Context, p passwordOf) (resetLinkJSON, error) {
	link, ends, err := s.signin.ResetLink(ctx, byOperator(), p.Email)
	return resetLinkJSON{link, ends}, err
}
