package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"espalier.dev/notify"
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
func (f *mailFlags) transport(log *slog.Logger) (notify.Transport, error) {
	if f.SMTPHost == "" {
		log.Warn("no mail server is configured, see --smtp-host: invitations and resets are links that you hand over")
		return nil, nil
	}
	if f.MailFrom == "" {
		return nil, errors.New("--smtp-host needs --mail-from")
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
