package signin

import "context"

// MailKind is what a mail is about; whoever renders it has a text for each.
type MailKind string

// The kinds of mail.
const (
	// MailReset carries the link to choose a new password: Data link and minutes.
	MailReset MailKind = "password_reset"
	// MailChanged tells that something about signing in has changed: Data what, a sentence.
	MailChanged MailKind = "signin_changed"
)

// Mail is what a person is to be sent.
type Mail struct {
	To   Person
	Kind MailKind
	Data map[string]string
}

// Mailer puts mail into the outbox, in the transaction of its cause.
type Mailer interface {
	Notify(ctx context.Context, tx Tx, m Mail) error
}

// notify tells a person, where mail leaves.
func (s *Service) notify(ctx context.Context, tx Tx, m Mail) error {
	if s.cfg.Mailer == nil {
		return nil
	}
	return s.cfg.Mailer.Notify(ctx, tx, m)
}

// tellChanged tells a person of a change, so that one who did not make it learns of it.
func (s *Service) tellChanged(ctx context.Context, tx Tx, p Person, what string) error {
	return s.notify(ctx, tx, Mail{To: p, Kind: MailChanged, Data: map[string]string{"what": what}})
}
