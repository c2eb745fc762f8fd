package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	stdmail "net/mail"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"

	"espalier.dev/errs"
)

// SMTPConfig says how to reach a mail server.
type SMTPConfig struct {
	Host     string // name:port; the port may be left out
	TLS      string // starttls, tls or none
	User     string // "" signs in as nobody
	Password string
	From     string      // name <address>
	Trust    *tls.Config // nil: the system's
}

// SMTP is a Transport to a mail server. A connection is made for each mail: there are few.
type SMTP struct {
	cfg  SMTPConfig
	host string
	port int
	from *stdmail.Address
}

// NewSMTP checks the configuration; it does not connect.
func NewSMTP(cfg SMTPConfig) (*SMTP, error) {
	s := &SMTP{cfg: cfg}
	var err error
	if s.from, err = stdmail.ParseAddress(cfg.From); err != nil {
		return nil, fmt.Errorf("--mail-from: %q is no address, as Northwind <no-reply@northwind.example>", cfg.From)
	}
	s.host, s.port = cfg.Host, map[string]int{"starttls": 587, "tls": 465, "none": 25}[cfg.TLS]
	if s.port == 0 {
		return nil, fmt.Errorf("--smtp-tls: %q is none of starttls, tls, none", cfg.TLS)
	}
	if host, port, err := net.SplitHostPort(cfg.Host); err == nil {
		s.host = host
		if s.port, err = strconv.Atoi(port); err != nil || s.port < 1 || s.port > 65535 {
			return nil, fmt.Errorf("--smtp-host: %q has no port", cfg.Host)
		}
	}
	if s.host == "" {
		return nil, errors.New("--smtp-host: a name is needed, as smtp.example.com:587")
	}
	if cfg.TLS == "none" && cfg.User != "" {
		return nil, errors.New("--smtp-tls none: a password would travel in plain; leave --smtp-user out or use starttls")
	}
	return s, nil
}

// Send hands a mail over.
func (s *SMTP) Send(ctx context.Context, to Address, m Message) error {
	msg, err := s.message(to, m)
	if err != nil {
		return err
	}
	options := []mail.Option{mail.WithPort(s.port), mail.WithTimeout(30 * time.Second), mail.WithoutNoop()}
	switch s.cfg.TLS {
	case "starttls":
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	case "tls":
		options = append(options, mail.WithSSL())
	default:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if s.cfg.Trust != nil {
		options = append(options, mail.WithTLSConfig(s.cfg.Trust))
	}
	if s.cfg.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.cfg.User), mail.WithPassword(s.cfg.Password))
	}
	c, err := mail.NewClient(s.host, options...)
	if err != nil {
		return err
	}
	err = c.DialAndSendWithContext(ctx, msg)
	if refused, ok := errors.AsType[*mail.SendError](err); ok && !refused.IsTemp() && refused.Reason == mail.ErrSMTPRcptTo {
		return &errs.Error{Kind: errs.Invalid, Msg: "the mail server refused the address for good", Err: err}
	}
	return err
}

func (s *SMTP) message(to Address, m Message) (*mail.Msg, error) {
	msg := mail.NewMsg()
	name := s.from.Name
	if m.FromName != "" {
		name = m.FromName
	}
	if err := errors.Join(msg.FromFormat(name, s.from.Address), msg.AddToFormat(to.Name, to.Email)); err != nil {
		return nil, &errs.Error{Kind: errs.Invalid, Msg: "no address", Err: err}
	}
	msg.Subject(m.Subject)
	msg.SetMessageID()
	msg.SetDate()
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	return msg, nil
}
