package caddyplugin

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"os"
	"strconv"
	"strings"

	"github.com/secondgate/secondgate/caddyplugin/secret"
	"github.com/secondgate/secondgate/internal/directive"
	"github.com/secondgate/secondgate/internal/mail"
	"github.com/secondgate/secondgate/internal/notice"
)

// Mail is the mail server for notices and codes. Without it no mails are sent.
type Mail struct {
	// SMTP is the address of the mail server, HOST:PORT.
	SMTP string `json:"smtp,omitempty"`
	// TLS is starttls (the default), tls or none. none is allowed only for a server on this
	// machine. The server's certificate must name HOST.
	TLS string `json:"tls,omitempty"`
	// User and Password are the credentials at the mail server; Password is {file.…} or
	// {env.…}.
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	// From is the sender of all mails: an address, or a name and an address, such as
	// "Oma Avaruus <noreply@example.com>".
	From string `json:"from,omitempty"`
	// CA is a file with the root certificates, in PEM, for the mail server's certificate.
	// Default: the system's roots.
	CA string `json:"ca,omitempty"`
}

func checkSMTP(value string) error {
	host, port, err := net.SplitHostPort(value)
	n, convErr := strconv.ParseUint(port, 10, 16)
	if err != nil || convErr != nil || n == 0 || host == "" || strings.ContainsAny(host, " \t\r\n/@") {
		return fmt.Errorf("%q is not the address of a mail server; want HOST:PORT, for example mail.example.com:587", value)
	}
	return nil
}

func oneLine(value string) bool { return !strings.ContainsAny(value, "\r\n\x00") }

func checkPassword(value string) error { return secret.Check(value, "{file./etc/secondgate/smtp}") }

func checkFrom(value string) error {
	a, err := netmail.ParseAddress(value)
	if err == nil {
		if _, ok := notice.Address(a.Address); ok && !strings.ContainsAny(value, "\r\n") {
			return nil
		}
	}
	return fmt.Errorf("%q is not a sender; want an address, or a name with one: \"Example <noreply@example.com>\"", value)
}

// validate checks the settings that depend on each other; rows check each one by itself.
func (m Mail) validate() error {
	host, _, _ := net.SplitHostPort(m.SMTP)
	wrong := func(where, problem string) error { return &directive.Error{Where: where, Problem: problem} }
	switch {
	case m.SMTP == "":
		return errors.New("smtp is missing; want smtp HOST:PORT and from ADDRESS")
	case m.From == "":
		return errors.New("from is missing; want smtp HOST:PORT and from ADDRESS")
	case m.User != "" && m.Password == "":
		return wrong("user", "user and password belong together; want both, or neither")
	case m.User == "" && m.Password != "":
		return wrong("password", "user and password belong together; want both, or neither")
	case m.TLS == mail.NoTLS && !onThisMachine(host):
		return wrong("tls", fmt.Sprintf("none would send codes readable over the network to %q; want tls starttls or tls tls, none is for localhost", host))
	case m.TLS == mail.NoTLS && m.User != "":
		return wrong("tls", "none would send the password readable; want tls starttls or tls tls, or no user")
	}
	return nil
}

func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// server translates checked settings for package mail. It reads the secrets, once for each
// configuration.
func (m *Mail) server() (mail.Server, error) {
	var s mail.Server
	settings := *m
	mailRows.Fill(&settings)
	host, port, _ := net.SplitHostPort(m.SMTP)
	from, err := netmail.ParseAddress(m.From)
	if err != nil {
		return s, err
	}
	s = mail.Server{Host: host, TLS: settings.TLS, From: *from}
	if s.Port, err = strconv.Atoi(port); err != nil {
		return s, err
	}
	if s.User, err = secret.Resolve(m.User); err != nil {
		return s, fmt.Errorf("user %s can't be read: %w", m.User, err)
	}
	if s.Password, err = secret.Resolve(m.Password); err != nil {
		return s, fmt.Errorf("password %s can't be read: %w", m.Password, err)
	}
	if s.Password = strings.TrimRight(s.Password, "\r\n"); s.Password == "" && m.Password != "" {
		return s, fmt.Errorf("password %s is empty; want the password of %s", m.Password, s.User)
	}
	s.Roots, err = m.roots()
	return s, err
}

func (m *Mail) roots() (*x509.CertPool, error) {
	if m.CA == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(m.CA)
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("ca: %s holds no certificate; want one or more in PEM", m.CA)
	}
	return pool, nil
}
