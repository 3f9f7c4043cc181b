// Package mail takes mails from the store's queue and sends them to a mail server (SMTP, RFC
// 5321). Package server runs its [Queue].
//
// A mail is claimed before it is sent, and removed after the mail server has accepted it. It
// is sent at least once: after a crash it may be sent again, with the same Message-ID.
// Passwords and texts of mails are never logged.
package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"time"
	"unicode"

	smtp "github.com/wneessen/go-mail"
)

// How the connection to the mail server is encrypted, as in the settings.
const (
	StartTLS = "starttls" // plain at first; encrypted by STARTTLS before sign-in and mails
	TLS      = "tls"      // encrypted from the first byte
	NoTLS    = "none"     // for a server on this machine
)

// Server is the mail server that takes our mails.
type Server struct {
	// Host and Port are where it listens; Host is also what its certificate must name.
	Host string
	Port int
	// TLS is StartTLS, TLS or NoTLS. With StartTLS, no mail is sent to a server that does
	// not offer it.
	TLS string
	// User and Password are for the sign-in at the mail server; both or neither are set.
	User, Password string
	From           mail.Address
	// Roots are the accepted certificate authorities; nil stands for the system's.
	Roots *x509.CertPool
	// Timeout bounds connecting to the server, and then sending each mail. 0 is 30 s.
	Timeout time.Duration
}

// Letter is the content of a mail.
type Letter struct {
	// ID is the left side of the Message-ID.
	ID       string
	To       string
	Date     time.Time
	Language string
	// Subject is one line. Text and HTML are two forms of the same content.
	Subject, Text, HTML string
}

// Errors about one mail; everything else that send returns is about the server.
var (
	// ErrRefused: the server refused this mail for good (SMTP 5xx).
	ErrRefused = errors.New("the mail server refused the mail for good")
	// ErrLater: the server asked to try this mail again later (SMTP 4xx).
	ErrLater = errors.New("the mail server asked to try again later")
)

// connection is an open connection to the mail server.
type connection struct {
	client *smtp.Client
	server *Server
	unbind func() bool
}

// connect opens a connection. It is closed when ctx ends.
func (s *Server) connect(ctx context.Context) (*connection, error) {
	var conn net.Conn
	client, err := smtp.NewClient(s.Host, s.options(func(c net.Conn) { conn = c })...)
	if err != nil {
		return nil, err
	}
	if err := client.DialWithContext(ctx); err != nil {
		if conn != nil {
			conn.Close()
		}
		return nil, err
	}
	return &connection{client, s, context.AfterFunc(ctx, func() { conn.Close() })}, nil
}

func (s *Server) options(opened func(net.Conn)) []smtp.Option {
	settings := &tls.Config{ServerName: s.Host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
	policy := smtp.TLSMandatory
	switch s.TLS {
	case TLS:
		policy = smtp.TLSOpportunistic // dial has encrypted the connection already
	case NoTLS:
		policy = smtp.NoTLS
	}
	options := []smtp.Option{
		smtp.WithPort(s.Port), smtp.WithTimeout(s.timeout()), smtp.WithTLSConfig(settings), smtp.WithTLSPolicy(policy),
		// Our addresses are ASCII, and a relay that was asked for SMTPUTF8 must refuse to pass
		// the mail on to a server without it.
		smtp.WithoutSMTPUTF8(),
		smtp.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := s.dial(ctx, network, address, settings)
			opened(conn)
			return conn, err
		}),
	}
	if s.User != "" {
		options = append(options, smtp.WithSMTPAuth(smtp.SMTPAuthAutoDiscover), smtp.WithUsername(s.User), smtp.WithPassword(s.Password))
	}
	return options
}

// dial opens the TCP or TLS connection. It replaces the SMTP client's dial function, so that
// connect can close the connection if a later step fails.
func (s *Server) dial(ctx context.Context, network, address string, settings *tls.Config) (net.Conn, error) {
	if s.TLS == TLS {
		conn, err := (&tls.Dialer{Config: settings}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err // a nil *tls.Conn would be a net.Conn that is not nil
		}
		return conn, nil
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

func (s *Server) timeout() time.Duration {
	if s.Timeout > 0 {
		return s.Timeout
	}
	return 30 * time.Second
}

func (c *connection) close() {
	c.unbind()
	c.client.Close() //nolint:errcheck // all that was to be said is said
}

// send sends a mail. ErrRefused and ErrLater are about this mail. After any other error the
// connection can no longer be used.
func (c *connection) send(l *Letter) error {
	msg, err := c.server.message(l)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	err = c.client.Send(msg)
	if err == nil || msg.IsDelivered() {
		return nil
	}
	var refusal *smtp.SendError
	if !errors.As(err, &refusal) {
		return err
	}
	return judge(refusal)
}

// judge returns ErrRefused or ErrLater for a refusal of this mail, and e itself for a failure
// that concerns all mails, so that no mail is given up for it: a missing sign-in, or a
// refused sender, which is the same for all mails.
func judge(e *smtp.SendError) error {
	code := e.ErrorCode()
	switch {
	case e.Reason == smtp.ErrSMTPMailFrom || code == 0 || code == 421 || code == 530 || code == 535:
		return e
	case code >= 500:
		return fmt.Errorf("%w: %s", ErrRefused, reason(e))
	}
	return fmt.Errorf("%w: %s", ErrLater, reason(e))
}

// reason returns the server's reply on one line, without the recipient's address.
func reason(e *smtp.SendError) string {
	said, _, _ := strings.Cut(e.Error(), ", affected")
	return oneLine(said)
}

// message converts a letter to a message of the SMTP client.
func (s *Server) message(l *Letter) (*smtp.Msg, error) {
	if oneLine(l.To) != l.To || oneLine(l.ID) != l.ID {
		return nil, errors.New("the address or id holds control characters")
	}
	m := smtp.NewMsg(smtp.WithNoDefaultUserAgent())
	if err := m.FromFormat(oneLine(s.From.Name), s.From.Address); err != nil {
		return nil, err
	}
	if err := m.To(l.To); err != nil {
		return nil, err
	}
	m.SetMessageIDWithValue(l.ID + "@" + s.domain())
	m.SetDateWithValue(l.Date)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834
	m.SetGenHeader("Content-Language", oneLine(l.Language))
	m.Subject(oneLine(l.Subject))
	m.SetBodyString(smtp.TypeTextPlain, l.Text)
	m.AddAlternativeString(smtp.TypeTextHTML, l.HTML)
	return m, nil
}

func (s *Server) domain() string {
	return s.From.Address[strings.LastIndexByte(s.From.Address, '@')+1:]
}

// oneLine replaces control characters by blanks. Names come from portals, and a line end in
// one would begin another header.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, unicode.IsControl), " ")
}

// String returns host and port for the log, without the password.
func (s *Server) String() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }
