package mail_test

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/mail"
	"github.com/secondgate/secondgate/internal/notice"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/test/kit/mailserver"
)

func TestWaysToTheServer(t *testing.T) {
	server := mailserver.Start(t, false)
	free := mailserver.Start(t, true)
	tlsPort, _ := strconv.Atoi(server.TLSPort)
	starttls, none := signedIn(t, server), open(t, free)
	tls := starttls
	tls.TLS, tls.Port = mail.TLS, tlsPort
	for _, way := range []mail.Server{starttls, tls, none} {
		t.Run(way.TLS, func(t *testing.T) {
			w := newWorld(t, way)
			m := w.put("alice")[0]
			w.run()
			w.logged("mail sent", 1)
			to := server
			if way.TLS == mail.NoTLS {
				to = free
			}
			got := to.To("alice@customers.example", map[string]int{mail.StartTLS: 1, mail.TLS: 2, mail.NoTLS: 1}[way.TLS])
			check(t, got, m)
			w.waiting(0)
		})
	}
	if log := server.Log(); !strings.Contains(log, "esmtpsa") {
		t.Errorf("no mail was sent encrypted and signed in:\n%s", log)
	}
}

// check looks at what must be in every mail.
func check(t *testing.T, mails []mailserver.Mail, m store.Mail) {
	t.Helper()
	for _, got := range mails {
		if got.MessageID != "<"+m.ID+"@portal.example>" {
			continue
		}
		date, err := got.Header.Date()
		if err != nil || !date.Equal(m.At.Truncate(time.Second)) {
			t.Errorf("Date is %v, %v, want %v", date, err, m.At)
		}
		if got.From != "noreply@portal.example" || got.Envelope != m.To || got.Header.Get("Auto-Submitted") != "auto-generated" ||
			got.Subject != "Ä notice: enrolled" || got.Header.Get("Return-Path") != "<noreply@portal.example>" {
			t.Errorf("the headers are wrong: %+v", got)
		}
		if text := strings.ReplaceAll(got.Text, "\r\n", "\n"); !strings.HasPrefix(text, "Größe: alice") || !strings.Contains(text, "\n.\nend") || !strings.Contains(got.HTML, "<p>Größe") {
			t.Errorf("the text is %q, the HTML %q", got.Text, got.HTML)
		}
		return
	}
	t.Errorf("mail %s did not arrive: %+v", m.ID, mails)
}

// TestAWrongPasswordKeepsTheMail: wrong settings lose no mail. The mail stays in the queue, and
// one log line gives the reason, without the password.
func TestAWrongPasswordKeepsTheMail(t *testing.T) {
	server := mailserver.Start(t, false)
	right := signedIn(t, server)
	wrong := right
	wrong.Password = "wrong-Passwort"
	w := newWorld(t, wrong)
	w.put("alice")
	w.run()
	told := w.logged("the mail server accepts no mails; they wait in the queue and are tried again", 1)
	if told["waiting"] != int64(1) || !strings.Contains(told["reason"].(string), "535") {
		t.Errorf("the log says %v", told)
	}
	for _, line := range w.logs.All() {
		if text := line.Message; strings.Contains(text, wrong.Password) || strings.Contains(strings.Join(values(line.ContextMap()), " "), wrong.Password) {
			t.Errorf("the password is in the log: %v", line)
		}
	}
	w.use(right)
	w.queue.Wake()
	server.Await(1)
	w.waiting(0)
}

func values(fields map[string]any) (out []string) {
	for _, v := range fields {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// Nothing is said to a server that is not the one meant, or that shows no certificate.
func TestNothingGoesUnencrypted(t *testing.T) {
	server := mailserver.Start(t, true)
	unknown := open(t, server)
	unknown.TLS, unknown.Roots = mail.StartTLS, nil
	plain := open(t, server)
	plain.TLS = mail.TLS // a port that speaks plain first
	for _, way := range []mail.Server{unknown, plain} {
		w := newWorld(t, way)
		w.put("alice")
		w.run()
		w.logged("the mail server accepts no mails; they wait in the queue and are tried again", 1)
		w.waiting(1)
	}
	if mails := server.Mails(); len(mails) != 0 {
		t.Errorf("mails arrived: %+v", mails)
	}
}

// TestStrippedEncryption: a server that offers no encryption gets no mail, also where an attacker
// removed the offer in transit.
func TestStrippedEncryption(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var heard []string
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(conn, "220 mail.test ESMTP\r\n")
			for lines := bufio.NewScanner(conn); lines.Scan(); fmt.Fprint(conn, "250 mail.test\r\n") {
				heard = append(heard, lines.Text())
			}
			conn.Close()
		}
	})
	w := newWorld(t, mail.Server{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: mail.StartTLS, Timeout: 2 * time.Second})
	w.put("alice")
	w.run()
	w.logged("the mail server accepts no mails; they wait in the queue and are tried again", 1)
	w.stop()
	l.Close()
	done.Wait()
	for _, line := range heard {
		if verb, _, _ := strings.Cut(line, " "); verb != "EHLO" && verb != "QUIT" {
			t.Errorf("the server was told %q", line)
		}
	}
	w.waiting(1)
}

// TestRefusedAndDeferred: a mail that the server rejects is dropped, a deferred one stays in the
// queue, and the others are sent.
func TestRefusedAndDeferred(t *testing.T) {
	server := mailserver.Start(t, false)
	w := newWorld(t, signedIn(t, server))
	mails := w.put("alice", mailserver.Gone, mailserver.Later, mailserver.Spam, "bob")
	w.run()
	server.Await(2)
	w.waiting(1)
	for range 2 {
		w.logged("mail given up", 2)
	}
	if told := w.logged("mail is tried again later", 1); told["tries"] != int64(1) || strings.Contains(told["reason"].(string), "@") {
		t.Errorf("the log says %v", told)
	}
	m, err := w.db.Mail(t.Context(), mails[2].ID)
	if err != nil || m.Tries != 1 || m.Due.Sub(w.now()) > time.Minute || m.Due.Sub(w.now()) < 30*time.Second {
		t.Errorf("the deferred mail is %+v, %v", m, err)
	}
	w.move(time.Minute)
	w.logged("mail is tried again later", 2)
	m, err = w.db.Mail(t.Context(), mails[2].ID)
	if err != nil || m.Tries != 2 || m.Due.Sub(w.now()) < 90*time.Second {
		t.Errorf("the deferred mail is %+v, %v: it should wait longer each time", m, err)
	}
	w.move(notice.Keep)
	w.logged("mail given up", 3)
	w.waiting(0)
}

// TestServerDownAndUpAgain: while the server is down the queue is kept and one log line says so.
// Afterwards each mail is sent once.
func TestServerDownAndUpAgain(t *testing.T) {
	server := mailserver.Prepare(t, false)
	w := newWorld(t, signedIn(t, server))
	w.put("alice", "bob")
	w.run()
	w.logged("the mail server accepts no mails; they wait in the queue and are tried again", 1)
	for range 3 {
		w.move(6 * time.Minute) // longer than it is left alone
		w.queue.Wake()
	}
	w.waiting(2)
	server.Start()
	w.move(6 * time.Minute)
	server.Await(2)
	w.waiting(0)
	w.logged("the mail server accepts mails again", 1)
	if n := w.logs.FilterMessage("the mail server accepts no mails; they wait in the queue and are tried again").Len(); n > 3 {
		t.Errorf("told %d times within 18 minutes", n)
	}
}

// TestSlowServer: a slow mail server delays only the queue. Callers return at once, and closing
// the queue does not wait for the server.
func TestSlowServer(t *testing.T) {
	server := mailserver.Start(t, true)
	way := open(t, server)
	way.Timeout = 500 * time.Millisecond
	w := newWorld(t, way)
	w.put(mailserver.Slow)
	w.run()
	w.logged("the mail server accepts no mails; they wait in the queue and are tried again", 1)
	w.waiting(1)
	way.Timeout = 0
	w.use(way)
	w.move(2 * time.Minute)
	w.queue.Wake()
	server.Await(1)
	w.put(mailserver.Slow)
	w.queue.Wake()
	began := time.Now()
	w.stop()
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the queue took %v to end", took)
	}
}

// A crash after the claim only delays a mail: the next start sends it at once, under the same
// Message-ID.
func TestWhatWasClaimedComesAfterARestart(t *testing.T) {
	server := mailserver.Start(t, false)
	w := newWorld(t, signedIn(t, server))
	m := w.put("alice")[0]
	if err := w.db.UpdateMail(t.Context(), m.ID, func(m *store.Mail) (bool, error) {
		m.Due, m.Tries = m.Due.Add(time.Minute), 1
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	w.run()
	check(t, server.Await(1), m)
	w.waiting(0)
}

// A user who waits for a code is told that the mail does not come.
func TestARefusedCodeIsNoted(t *testing.T) {
	server := mailserver.Start(t, false)
	w := newWorld(t, signedIn(t, server))
	key := store.UserKey{Realm: "shop", ID: "alice"}
	m := notice.New(key, store.MailEnrolCode, mailserver.Gone+"@customers.example", "en", w.now().UTC())
	if err := w.db.Update(t.Context(), key, func(tx store.Tx) error {
		return tx.PutMailCode(store.MailCode{Mail: m.ID, To: m.To}, w.now().Add(time.Hour))
	}); err != nil {
		t.Fatal(err)
	}
	w.putMail(m)
	w.run()
	w.waiting(0)
	code, err := w.db.MailCode(t.Context(), key)
	if err != nil || !code.Failed {
		t.Errorf("the code is %+v, %v", code, err)
	}
	var kinds []string
	_, err = w.db.Settle(t.Context(), 10, func(_ store.Entry, pending [][]byte) (store.Settled, error) {
		for _, raw := range pending {
			e, err := store.UnmarshalEvent(raw)
			if err != nil {
				t.Error(err)
			}
			kinds = append(kinds, e.Kind)
		}
		return store.Settled{}, nil
	})
	if err != nil || len(kinds) != 1 || kinds[0] != store.EventEnrolMailFailed {
		t.Errorf("events %v, %v", kinds, err)
	}
}

// TestHeadersCannotBeInjected: neither a name nor an address can add a header.
func TestHeadersCannotBeInjected(t *testing.T) {
	server := mailserver.Start(t, false)
	w := newWorld(t, signedIn(t, server))
	m := notice.New(store.UserKey{Realm: "shop", ID: "x"}, "enrolled\r\nBcc: eve@evil.example\r\n\r\nbody", "alice@customers.example", "en", w.now().UTC())
	w.putMail(m)
	m.ID, m.Kind, m.To = "another", "enrolled", "bob@customers.example\r\nBcc: eve@evil.example"
	w.putMail(m)
	w.run()
	got := server.Await(1)[0]
	if got.Header.Get("Bcc") != "" || got.Envelope != "alice@customers.example" || !strings.Contains(got.Subject, "Bcc: eve") {
		t.Errorf("a header got in: %+v", got)
	}
	w.waiting(0)
}

func TestUnwritableMailsEnd(t *testing.T) {
	server := mailserver.Start(t, false)
	w := newWorld(t, signedIn(t, server))
	w.putMail(notice.New(store.UserKey{Realm: "shop", ID: "x"}, "unwritable", "alice@customers.example", "en", w.now().UTC()))
	w.run()
	w.waiting(0)
	w.logged("mail given up", 1)
}
