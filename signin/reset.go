package signin

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
)

// ResetLife is how long a link to choose a new password is good.
const ResetLife = 30 * time.Minute

// AskReset sends the user of an address a link to choose a new password. It says nothing of whether there is one: a stranger's
// address takes the same work, and what is wrong is told to the log alone.
func (s *Service) AskReset(ctx context.Context, v Visitor, email string) error {
	err := s.try(ctx, forReset(email), forAddress(v))
	if errs.KindOf(err) == errs.TooMany {
		return nil // a mail too many; who asks is told what it is always told
	}
	if err != nil {
		return err
	}
	who, err := s.personByEmail(ctx, email)
	if err != nil {
		return err
	}
	once, text, err := s.newOnce(ForReset, who.ID, "")
	if err != nil {
		return err
	}
	link, err := s.resetLink(text)
	if err != nil {
		s.cfg.Log.Warn("somebody asked for a link to choose a new password, and none can be made", "err", err)
		return nil
	}
	if s.cfg.Mailer == nil {
		s.cfg.Log.Warn("somebody asked for a link to choose a new password, and no mail leaves this server: `espalier password reset-link EMAIL` makes one to be handed over")
		return nil
	}
	return s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.InsertOnce(ctx, once); err != nil || who.ID == 0 { // a stranger's row is nobody's, and known to nobody
			return err
		}
		mail := Mail{To: who, Kind: MailReset, Data: map[string]string{"link": link, "minutes": strconv.Itoa(int(ResetLife / time.Minute))}}
		if err := s.notify(ctx, tx, mail); err != nil {
			return err
		}
		return record(ctx, tx, change{by: userOf(who.ID, v), action: "signin.reset_ask", user: who.ID, details: map[string]any{"address": v.Address}})
	})
}

// resetLink is built from the public address: a request's Host is whatever its sender likes.
func (s *Service) resetLink(text string) (string, error) {
	if s.public == nil {
		return "", errors.New("links need the server's public address: start it with --public-url")
	}
	return s.public.String() + "/signin/reset/new?" + url.Values{"token": {text}}.Encode(), nil
}

// ResetLink makes a link to choose a new password, to be handed over by the operator of the server.
func (s *Service) ResetLink(ctx context.Context, by access.Caller, email string) (link string, ends time.Time, err error) {
	if !by.Operator {
		return "", time.Time{}, errs.Forbiddenf("only the operator of the server makes links to choose a new password")
	}
	who, err := s.personByEmail(ctx, email)
	if err != nil {
		return "", time.Time{}, err
	}
	if who.ID == 0 {
		return "", time.Time{}, errs.NotFoundf("there is no user %s", email)
	}
	once, text, err := s.newOnce(ForReset, who.ID, "")
	if err != nil {
		return "", time.Time{}, err
	}
	if link, err = s.resetLink(text); err != nil {
		return "", time.Time{}, errs.Conflictf("", "%s", err)
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.InsertOnce(ctx, once); err != nil {
			return err
		}
		return record(ctx, tx, change{by: by, action: "signin.reset_link", user: who.ID})
	})
	return link, once.ExpiresAt, err
}

// errOver is the answer to a link that is unknown, used or over.
func errOver() error {
	return errs.NotFoundf("This link is good no longer: it was used, or is older than %d minutes. Ask for another one.", int(ResetLife/time.Minute))
}

// Reset gives the user of a link another password, and ends all its sessions. It opens none: a second factor is still asked
// for. What is wrong with the password leaves the link good.
func (s *Service) Reset(ctx context.Context, v Visitor, token, password string) error {
	if err := s.try(ctx, forAddress(v)); err != nil {
		return err
	}
	hash := hashFor(string(ForReset), token)
	var who Person
	err := s.cfg.Store.Read(ctx, func(tx Tx) error {
		once, err := tx.Once(ctx, hash, s.now())
		if err == nil {
			who, err = tx.Person(ctx, once.User)
		}
		return err
	})
	if absent(err) {
		return errOver()
	}
	if err != nil {
		return err
	}
	hashed, err := s.PreparePassword(ctx, password, who.about()...)
	if err != nil {
		return err
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		if _, err := tx.UseOnce(ctx, hash, s.now()); err != nil {
			return err
		}
		if err := s.replacePassword(ctx, tx, userOf(who.ID, v), who, hashed, ""); err != nil {
			return err
		}
		return succeeded(ctx, tx, v)
	})
	if absent(err) {
		return errOver()
	}
	return err
}
