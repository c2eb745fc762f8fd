package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"espalier.dev/access"
	"espalier.dev/iam"
	"espalier.dev/notify"
	"espalier.dev/org"
	"espalier.dev/signin"
)

// mailFlags say how mail leaves.
type mailFlags struct {
	SMTPHost         string `name:"smtp-host" placeholder:"HOST:PORT" help:"Mail server; without one no mail leaves, and links are shown to those entitled to them."`
	SMTPTLS          string `name:"smtp-tls" default:"starttls" enum:"starttls,tls,none" placeholder:"HOW" help:"starttls (port 587), tls (port 465) or none (port 25, nothing but a relay on the same machine)."`
	SMTPUser         string `name:"smtp-user" placeholder:"NAME" help:"User to sign in at the mail server as."`
	SMTPPasswordFile string `name:"smtp-password-file" placeholder:"FILE" help:"File with that user's password."`
	MailFrom         string `placeholder:"ADDRESS" help:"Sender, such as \"Northwind <no-reply@northwind.example>\"; needed with --smtp-host."`
}

// transport is the way mail leaves; nil for none.
func (f *mailFlags) transport(publicURL string, log *slog.Logger) (notify.Transport, error) {
	if f.SMTPHost == "" {
		log.Warn("no mail server is configured, see --smtp-host: invitations and resets are links that you hand over")
		return nil, nil
	}
	if f.MailFrom == "" || publicURL == "" {
		return nil, errors.New("--smtp-host needs --mail-from, and --public-url for the links in mail")
	}
	cfg := notify.SMTPConfig{Host: f.SMTPHost, TLS: f.SMTPTLS, User: f.SMTPUser, From: f.MailFrom}
	if f.SMTPPasswordFile != "" {
		text, err := os.ReadFile(f.SMTPPasswordFile)
		if err != nil {
			return nil, fmt.Errorf("--smtp-password-file: %w", err)
		}
		cfg.Password = strings.TrimRight(string(text), "\r\n")
	}
	if (cfg.User == "") != (cfg.Password == "") {
		return nil, errors.New("--smtp-user and --smtp-password-file go together")
	}
	return notify.NewSMTP(cfg)
}

// mailer puts the mail of sign-in into the outbox. Every transaction is the store's, which has the statements of all domains.
type mailer struct{ outbox *notify.Service }

// Notify is part of signin.Mailer.
func (m mailer) Notify(ctx context.Context, tx signin.Tx, mail signin.Mail) error {
	to, ok := tx.(notify.Tx)
	if !ok {
		return fmt.Errorf("mail %s: the transaction has no outbox", mail.Kind)
	}
	data := make(map[string]any, len(mail.Data))
	for k, v := range mail.Data {
		data[k] = v
	}
	return m.outbox.Put(ctx, to, notify.Mail{
		To:   notify.Address{Email: mail.To.Email, Name: strings.TrimSpace(mail.To.FirstName + " " + mail.To.LastName)},
		Kind: notify.Kind(mail.Kind), Data: data,
	})
}

// inviter puts the mail of invitations into the outbox.
type inviter struct{ outbox *notify.Service }

// Enabled is part of iam.Mailer.
func (i inviter) Enabled() bool { return i.outbox.Enabled() }

// Invite is part of iam.Mailer.
func (i inviter) Invite(ctx context.Context, tx iam.Tx, n iam.Invitation, link string) error {
	to, ok := tx.(notify.Tx)
	if !ok {
		return errors.New("invitation: the transaction has no outbox")
	}
	return i.outbox.Put(ctx, to, notify.Mail{
		To:  notify.Address{Email: n.Email, Name: strings.TrimSpace(n.FirstName + " " + n.LastName)},
		Org: n.Org, Kind: notify.Invitation, Data: map[string]any{
			"inviter": n.Inviter.Called(), "organization": n.OrgName, "link": link, "expires": n.ExpiresAt.UTC().Format(time.RFC3339),
		},
	})
}

// tellOwners sends an invitation to each new owner who has not signed in yet, and tells the owners there were of the change.
func (s *system) tellOwners(ctx context.Context, tx org.Tx, by access.Caller, c org.OwnerChange) error {
	if !s.notify.Enabled() {
		return nil
	}
	people, isPeople := tx.(iam.Tx)
	outbox, isOutbox := tx.(notify.Tx)
	if !isPeople || !isOutbox {
		return errors.New("tell owners: the transaction has no people, or no outbox")
	}
	var added []any
	for _, u := range c.Added {
		added = append(added, u.Email)
		if u.State != org.Invited {
			continue
		}
		if err := s.people.InviteOwner(ctx, people, by, c.Org.ID, u.Email, u.FirstName, u.LastName); err != nil {
			return err
		}
	}
	who, err := people.Inviter(ctx, by.Principal())
	if err != nil {
		return err
	}
	var removed []any
	for _, u := range c.Removed {
		removed = append(removed, u.Email)
	}
	for _, u := range c.Before {
		err := s.notify.Put(ctx, outbox, notify.Mail{
			To:  notify.Address{Email: u.Email, Name: strings.TrimSpace(u.FirstName + " " + u.LastName)},
			Org: c.Org.ID, Kind: notify.OwnersChanged,
			Data: map[string]any{"organization": c.Org.Name, "by": who.Called(), "added": added, "removed": removed},
		})
		if err != nil {
			return err
		}
	}
	return nil
}
