package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

// pseudoTerminal opens a terminal. Text written to keyboard is the typed input; text read from it
// is the output on the screen.
func pseudoTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keyboard.Close() })
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	return keyboard, terminal
}

// screen answers every question that ends in ": " with the next line, and gives back
// what the terminal echoed.
type screen struct {
	bytes.Buffer
	keyboard *os.File
	answers  []string
}

func (s *screen) Write(p []byte) (int, error) {
	if bytes.HasSuffix(p, []byte(": ")) && len(s.answers) > 0 {
		answer := s.answers[0]
		s.answers = s.answers[1:]
		defer func() { _, _ = io.WriteString(s.keyboard, answer) }()
	}
	return s.Buffer.Write(p)
}

func TestAccountsFromATerminal(t *testing.T) {
	keyboard, terminal := pseudoTerminal(t)
	names := &screen{keyboard: keyboard, answers: []string{"alice\n", "hunter2 \n", "\n"}}
	p := prompt{in: terminal, out: names}
	// The echo is off once ReadPassword runs; the password is typed then.
	late := &latePassword{screen: names, terminal: terminal}
	p.out = late
	got, err := p.accounts(t.Context())
	if err != nil || !slices.Equal(got, []browse.Account{{User: "alice", Password: "hunter2 "}}) {
		t.Fatalf("%v, %v", got, err)
	}
	if s := names.String(); !strings.Contains(s, "test customer") || strings.Contains(s, "hunter2") {
		t.Errorf("questions %q", s)
	}
	if s := late.echoed(t, keyboard); strings.Contains(s, "hunter2") || !strings.Contains(s, "alice") {
		t.Errorf("the terminal shows %q", s)
	}
	if !echo(terminal) {
		t.Error("the terminal has no echo afterwards")
	}
}

// latePassword types the password only when the terminal has stopped echoing.
type latePassword struct {
	*screen
	terminal *os.File
}

func (l *latePassword) Write(p []byte) (int, error) {
	if !bytes.HasPrefix(p, []byte("Password")) {
		return l.screen.Write(p)
	}
	answer := l.answers[0]
	l.answers = l.answers[1:]
	go func() {
		for late := time.Now().Add(30 * time.Second); echo(l.terminal) && time.Now().Before(late); {
			time.Sleep(time.Millisecond)
		}
		_, _ = io.WriteString(l.keyboard, answer)
	}()
	return l.Buffer.Write(p)
}

func (l *latePassword) echoed(t *testing.T, keyboard *os.File) string {
	t.Helper()
	text := make([]byte, 4096)
	n, err := keyboard.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(text[:n])
}

func echo(f *os.File) bool {
	state, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil && state.Lflag&unix.ECHO != 0
}
