// Package mailserver runs Debian's Exim for tests, with its own configuration, spool and mailbox.
// The server listens on loopback only and ends with the test. It needs exim4 and root, because the
// mailbox is written by a system user of its own.
package mailserver

import (
	"bytes"
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/need"
	"github.com/secondgate/secondgate/test/kit/port"
)

// The account that may send mails, and the host name of the certificates.
const (
	Name     = "localhost"
	User     = "portal"
	Password = "Åt rätt; {lösen}"
)

// To these local parts the server answers in a way of its own; it takes mail to all others.
const (
	Gone  = "gone"  // 550, for good
	Later = "later" // 451, try again later
	Slow  = "slow"  // takes it after two seconds
	Spam  = "spam"  // 554 after the whole mail was sent
)

//go:embed exim.conf
var settings string

// Server is a mail server that may be started and stopped.
type Server struct {
	// Port is for STARTTLS, TLSPort for TLS from the start.
	Port, TLSPort string
	// CA is the file with the certificate that signs the server's.
	CA string

	t    testing.TB
	dir  string
	exim *exec.Cmd
	done chan struct{}
}

// Start runs a server. With open it accepts mail without authentication; else only authenticated
// clients may send.
func Start(t testing.TB, open bool) *Server {
	t.Helper()
	s := Prepare(t, open)
	s.Start()
	return s
}

// Prepare is Start without starting it.
func Prepare(t testing.TB, open bool) *Server {
	t.Helper()
	if os.Getuid() != 0 {
		need.Missing(t, "the mail server needs root, to write a mailbox as its own user")
	}
	if _, err := exec.LookPath("exim4"); err != nil {
		need.Missing(t, "exim4 is not installed: apt-get install exim4-daemon-light")
	}
	// Not t.TempDir: the server runs as another system user, who needs access.
	dir, err := os.MkdirTemp("/tmp", "secondgate-mail-")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, dir: dir, Port: port.Number(t), TLSPort: port.Number(t), CA: filepath.Join(dir, "ca.pem")}
	t.Cleanup(s.end)
	s.lay(open)
	return s
}

// lay makes the server's directories, certificate and configuration.
func (s *Server) lay(open bool) {
	s.t.Helper()
	check := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	owner, err := user.Lookup("Debian-exim")
	check(err)
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(owner.Gid)
	check(os.Chmod(s.dir, 0o755))
	for _, name := range []string{"spool", "log", "mail"} {
		check(os.Mkdir(filepath.Join(s.dir, name), 0o750))
		check(os.Chown(filepath.Join(s.dir, name), uid, gid))
	}
	check(certify(s.dir, gid))
	senders := "authenticated = *"
	if open {
		senders = ""
	}
	text := strings.NewReplacer("DIR", s.dir, "TLSPORT", s.TLSPort, "PORT", s.Port, "SENDERS", senders).Replace(settings)
	check(os.WriteFile(filepath.Join(s.dir, "password"), []byte(Password), 0o644))
	check(os.WriteFile(filepath.Join(s.dir, "exim.conf"), []byte(text), 0o644))
}

// Start starts the server and waits until it listens.
func (s *Server) Start() {
	s.t.Helper()
	var out bytes.Buffer
	s.exim = exec.Command("exim4", "-C", filepath.Join(s.dir, "exim.conf"), "-bdf", "-q1m")
	s.exim.Stdout, s.exim.Stderr = &out, &out
	// A process group, so that Stop ends the server's children too. A child that waits for
	// a command of its client keeps the output open for minutes.
	s.exim.SysProcAttr, s.exim.WaitDelay = &syscall.SysProcAttr{Setpgid: true}, time.Second
	if err := s.exim.Start(); err != nil {
		s.t.Fatal(err)
	}
	exim, done := s.exim, make(chan struct{})
	s.done = done
	go func() {
		defer close(done)
		exim.Wait() //nolint:errcheck // it is killed
	}()
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := net.Dial("tcp", "127.0.0.1:"+s.Port)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-done:
			s.t.Fatalf("the mail server did not start: %s", out.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the mail server does not listen: %v\n%s", err, s.Log())
		}
	}
}

// Stop ends the server; Start starts it again with the same state.
func (s *Server) Stop() {
	if s.exim == nil {
		return
	}
	syscall.Kill(-s.exim.Process.Pid, syscall.SIGKILL) //nolint:errcheck // it may have ended
	<-s.done
	s.exim = nil
}

func (s *Server) end() {
	s.Stop()
	if s.t.Failed() {
		s.t.Logf("the mail server's log:\n%s", s.Log())
	}
	os.RemoveAll(s.dir) //nolint:errcheck // below /tmp
}

// Log is what the server logged.
func (s *Server) Log() string {
	raw, _ := os.ReadFile(filepath.Join(s.dir, "log", "mainlog"))
	return string(raw)
}

// Mails are all that arrived.
func (s *Server) Mails() []Mail {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "mail", "new", "*"))
	if err != nil {
		s.t.Fatal(err)
	}
	var mails []Mail
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		m, err := parse(raw)
		if err != nil {
			s.t.Fatalf("a mail arrived that can't be read: %v\n%s", err, raw)
		}
		mails = append(mails, m)
	}
	return mails
}

// Await waits until n mails arrived, and fails when they don't, or when there are more.
func (s *Server) Await(n int) []Mail {
	s.t.Helper()
	return s.await("", n)
}

// To waits for the mails to one address until there are n.
func (s *Server) To(address string, n int) []Mail {
	s.t.Helper()
	return s.await(address, n)
}

// await waits until n mails to an address arrived; "" stands for any address.
func (s *Server) await(address string, n int) []Mail {
	s.t.Helper()
	other := func(m Mail) bool { return address != "" && m.To != address }
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		mails := slices.DeleteFunc(s.Mails(), other)
		if len(mails) == n {
			return mails
		}
		if len(mails) > n || time.Now().After(deadline) {
			s.t.Fatalf("%d mails to %q arrived, want %d: %s", len(mails), address, n, subjects(mails))
		}
	}
}

func subjects(mails []Mail) string {
	var out []string
	for _, m := range mails {
		out = append(out, fmt.Sprintf("%s to %s", m.Subject, m.To))
	}
	return strings.Join(out, "; ")
}
