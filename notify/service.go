package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"espalier.dev/errs"
)

// Config is what a Service needs.
type Config struct {
	Store     Store
	Box       Box
	Transport Transport // nil: no mail leaves
	PublicURL string    // where links lead; "" leaves them out
	Now       func() time.Time
	Log       *slog.Logger
}

// Transport hands a mail over. An error of kind errs.Invalid says that it will never be taken: it is not tried again.
type Transport interface {
	Send(ctx context.Context, to Address, m Message) error
}

// Message is a mail as it is sent.
type Message struct {
	FromName string // "" for the transport's own
	Subject  string
	Text     string
	HTML     string
}

// Service sends mail in the background, until Close. Several servers on one database may each run one.
type Service struct {
	cfg  Config
	wake chan struct{}
	stop func()
	done sync.WaitGroup
}

const (
	sendEvery   = 5 * time.Second
	noticeEvery = 15 * time.Minute
	leaseTime   = 5 * time.Minute // longer than any mail takes
	leaseMail   = 20
)

// New starts a Service.
func New(cfg Config) (*Service, error) {
	if cfg.Store == nil || cfg.Box == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("notify: a store, a box, a clock and a log are needed")
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Service{cfg: cfg, wake: make(chan struct{}, 1), stop: stop}
	if s.Enabled() {
		s.done.Go(func() { s.run(ctx) })
	}
	return s, nil
}

// Wake makes the sender look at once: something was committed that is to leave.
func (s *Service) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Service) run(ctx context.Context) {
	send, notice := time.NewTicker(sendEvery), time.NewTicker(noticeEvery)
	defer send.Stop()
	defer notice.Stop()
	for {
		s.report(ctx, "send mail", s.Deliver(ctx))
		select {
		case <-ctx.Done():
			return
		case <-send.C:
		case <-s.wake:
		case <-notice.C:
			s.report(ctx, "tell of capabilities that end", s.Notices(ctx))
		}
	}
}

// report logs a failure; the next turn tries again.
func (s *Service) report(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.Error(what, "err", err)
	}
}

// Close ends the work in the background. What is in the outbox waits for the next start.
func (s *Service) Close(context.Context) error {
	s.stop()
	s.done.Wait()
	return nil
}

// Deliver sends what is due.
func (s *Service) Deliver(ctx context.Context) error {
	for {
		var rows []Row
		err := s.cfg.Store.Write(ctx, func(tx Tx) (err error) {
			now := tx.Now()
			rows, err = tx.LeaseMail(ctx, now, now.Add(leaseTime), leaseMail)
			return err
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			if ctx.Err() != nil {
				return nil // the lease ends by itself
			}
			if err := s.deliver(ctx, r); err != nil {
				return err
			}
		}
	}
}

// deliver sends one mail and notes what became of it. Its address is personal and stays out of the log.
func (s *Service) deliver(ctx context.Context, r Row) error {
	failure := s.send(ctx, r)
	if failure == nil {
		s.cfg.Log.Info("mail sent", "mail", r.ID, "kind", r.Kind, "org", r.Org)
		return s.cfg.Store.Write(ctx, func(tx Tx) error { return absentIsFine(tx.DeleteMail(ctx, r.ID)) })
	}
	if ctx.Err() != nil {
		return nil
	}
	next, again := nextTry(r, s.cfg.Now(), failure)
	if !again {
		s.cfg.Log.Error("mail given up", "mail", r.ID, "kind", r.Kind, "org", r.Org, "attempts", r.Attempts+1, "err", failure)
		return s.cfg.Store.Write(ctx, func(tx Tx) error { return absentIsFine(tx.DeleteMail(ctx, r.ID)) })
	}
	s.cfg.Log.Warn("mail not sent", "mail", r.ID, "kind", r.Kind, "org", r.Org, "attempts", r.Attempts+1, "next", next, "err", failure)
	return s.cfg.Store.Write(ctx, func(tx Tx) error { return absentIsFine(tx.PostponeMail(ctx, r.ID, next, kept(failure))) })
}

// kept is a failure in the length and the bytes that both engines keep.
func kept(failure error) string {
	const most = 500
	text := strings.ReplaceAll(strings.ToValidUTF8(failure.Error(), "\ufffd"), "\x00", "")
	if r := []rune(text); len(r) > most {
		return string(r[:most])
	}
	return text
}

// absentIsFine: another server, whose lease had run out, was done with it first.
func absentIsFine(err error) error {
	if errs.KindOf(err) == errs.NotFound {
		return nil
	}
	return err
}

func (s *Service) send(ctx context.Context, r Row) error {
	plain, err := s.cfg.Box.Open(r.Sealed, sealedAs(r.To, r.Kind))
	if err != nil {
		return errs.Invalidf("its data was sealed with another key")
	}
	var data map[string]any
	if err := json.Unmarshal(plain, &data); err != nil {
		return errs.Invalidf("its data is no JSON object")
	}
	var brand Branding
	if r.Org != 0 {
		err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
			brand, err = tx.Branding(ctx, r.Org)
			return err
		})
		if err != nil && errs.KindOf(err) != errs.NotFound { // of an organization that is no more the mail is ours
			return err
		}
	}
	m, err := Render(r.Kind, r.To, brand, s.cfg.PublicURL, data)
	if err != nil {
		return errs.Invalidf("%s", err)
	}
	ctx, cancel := context.WithTimeout(ctx, leaseTime/2)
	defer cancel()
	if err := s.cfg.Transport.Send(ctx, r.To, m); err != nil {
		return fmt.Errorf("hand over: %w", err)
	}
	return nil
}
