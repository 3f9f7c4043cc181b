package mailserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
)

// Mail is one that arrived, read as a mail program does.
type Mail struct {
	// From and To are the headers' addresses, Envelope is who the server delivered it to.
	From, To, Envelope string
	Subject, MessageID string
	Header             mail.Header
	// Text and HTML are the two parts.
	Text, HTML string
}

var eight = regexp.MustCompile(`\b[0-9]{4} [0-9]{4}\b`)

// Code is the code of 8 digits in a mail, empty if there is none.
func (m Mail) Code() string { return eight.FindString(m.Text) }

func parse(raw []byte) (Mail, error) {
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Mail{}, err
	}
	m := Mail{Header: msg.Header, MessageID: msg.Header.Get("Message-Id"), Envelope: msg.Header.Get("Envelope-To")}
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject")); err != nil {
		return m, err
	}
	for name, field := range map[string]*string{"From": &m.From, "To": &m.To} {
		list, err := msg.Header.AddressList(name)
		if err != nil || len(list) != 1 {
			return m, fmt.Errorf("%s: %v, %w", name, list, err)
		}
		*field = list[0].Address
	}
	return m, m.parts(msg)
}

func (m *Mail) parts(msg *mail.Message) error {
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		return fmt.Errorf("the mail is %q, %w", kind, err)
	}
	for parts := multipart.NewReader(msg.Body, params["boundary"]); ; {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var body io.Reader = part
		if part.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			body = quotedprintable.NewReader(part)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		switch kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind {
		case "text/plain":
			m.Text = string(text)
		case "text/html":
			m.HTML = string(text)
		default:
			return fmt.Errorf("a part of type %q", kind)
		}
	}
}
