// Package mail takes mails from the store's queue and sends them to a mail server (SMTP, RFC
// 5321).
//
// A mail is claimed before it is sent, and removed after the server accepted it. After a crash it
// is sent again, with the same Message-ID. Passwords and texts of mails are never logged.
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

// The ways to the mail server, as they stand in the settings.
const (
	StartTLS = "starttls" // plain at first; encrypted before anything is said
	TLS      = "tls"      // encrypted from the first byte
	NoTLS    = "none"     // for a server on this machine
)

// Server is the mail server that takes our mails.
type Server struct {
	// Host and Port are where it listens; Host is also what its certificate must name.
	Host string
	Port int
	// TLS is StartTLS, TLS or NoTLS. With StartTLS a server that does not offer it gets
	// nothing.
	TLS string
	// User and Password sign in; both empty, or neither.
	User, Password string
	From           mail.Address
	// Roots are who may sign the server's certificate; nil is the system's.
	Roots *x509.CertPool
	// Timeout bounds the way to the server, and then each mail. 0 is 30 s.
	Timeout time.Duration
}

// Letter is a mail, written.
type Letter struct {
	// ID is the left side of the Message-ID.
	ID       string
	To       string
	Date     time.Time
	Language string
	// Subject is one line, Text and HTML say the same.
	Subject, Text, HTML string
}

// Errors about one mail; everything else that send returns is about the server.
var (
	// ErrRefused: the server refused this mail for good (SMTP 5xx).
	ErrRefused = errors.New("the mail server refused the mail for good")
	// ErrLater: the server asked to try this mail again later (SMTP 4xx).
	ErrLater = errors.New("the mail server asked to try again later")
)

// connection is an open way to the server.
type connection struct {
	client *smtp.Client
	server *Server
	unbind func() bool
}

// connect opens a connection, which ends with ctx.
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
		policy = smtp.TLSOpportunistic // it is on already: see dial
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

// dial is our own so that a connection is closed when what comes after it fails.
func (s *Server) dial(ctx context.Context, network, address string, settings *tls.Config) (net.Conn, error) {
	if s.TLS == TLS {
		conn, err := (&tls.Dialer{Config: settings}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err // not a nil *tls.Conn
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

// send returns ErrRefused or ErrLater about this mail; after other errors the
// connection is of no more use.
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

// judge tells what is about the mail from what is about the server. The sender is the
// same for all mails, so a refused one is the server's affair, like one who is not
// signed in, and costs no mail.
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

// reason is what the server said, without the mail's address and on one line.
func reason(e *smtp.SendError) string {
	said, _, _ := strings.Cut(e.Error(), ", affected")
	return oneLine(said)
}

// message makes what goes over the wire.
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

// oneLine makes of any text one line: names come from portals, and a line end would
// begin another header.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, unicode.IsControl), " ")
}

// String is where the server is, for the log.
func (s *Server) String() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }
