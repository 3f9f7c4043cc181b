package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

// maxLine is the maximum length of a line of input, in bytes.
const maxLine = 4096

// errNoAccount means that no test customer was given.
var errNoAccount = errors.New("no test customer: give user name and password at the prompt, or as two lines on standard input")

// prompt reads test customers' names and passwords, or passphrases, from a terminal or from a
// script's standard input. It never prints or logs a password.
type prompt struct {
	in  io.Reader
	out io.Writer // gets the questions: standard error, since standard output may be a file
}

// accounts asks for one customer and then for a second, who may be left out. From a
// terminal the passwords are read without echo; otherwise each is two lines, user name
// and password.
func (p prompt) accounts(ctx context.Context) ([]browse.Account, error) {
	first, err := p.account(ctx, "User name of a test customer: ")
	if err != nil {
		return nil, err
	}
	if first.User == "" {
		return nil, errNoAccount
	}
	second, err := p.account(ctx, "User name of a second test customer (Enter if there is none): ")
	if err != nil {
		return nil, err
	}
	if second.User == "" {
		return []browse.Account{first}, nil
	}
	return []browse.Account{first, second}, nil
}

// account asks for one customer. If the name is empty, it returns an empty account.
func (p prompt) account(ctx context.Context, question string) (a browse.Account, err error) {
	if a.User, err = p.name(question); err != nil || a.User == "" {
		return a, err
	}
	if a.Password, err = p.secret(ctx, "Password (not shown): "); err != nil {
		return browse.Account{}, err
	}
	if a.Password == "" {
		return browse.Account{}, fmt.Errorf("no password for the test customer %q: it is the line after the user name", a.User)
	}
	return a, nil
}

func (p prompt) name(question string) (string, error) {
	if _, screen := p.terminal(); screen {
		fmt.Fprint(p.out, question)
	}
	line, err := p.line()
	return strings.TrimSpace(line), err
}

func (p prompt) secret(ctx context.Context, question string) (string, error) {
	fd, screen := p.terminal()
	if !screen {
		return p.line()
	}
	fmt.Fprint(p.out, question)
	defer fmt.Fprintln(p.out)
	defer restoreAtEnd(ctx, fd)()
	secret, err := term.ReadPassword(fd)
	if errors.Is(err, io.EOF) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading a password from the terminal: %w", err)
	}
	return string(secret), nil
}

// terminal returns the file descriptor of the input, and whether it is a terminal.
func (p prompt) terminal() (fd int, screen bool) {
	f, ok := p.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	return int(f.Fd()), true
}

// restoreAtEnd starts a goroutine that, on Ctrl-C or SIGTERM, switches the terminal's echo on
// again and ends the program. The returned function ends the goroutine.
func restoreAtEnd(ctx context.Context, fd int) func() {
	state, err := term.GetState(fd)
	if err != nil {
		return func() {}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-signals:
			_ = term.Restore(fd, state)
			os.Exit(130) // as shells have it for an interrupted program
		case <-ctx.Done():
		}
	}()
	return func() { signal.Stop(signals); cancel() }
}

// line reads one line, byte by byte. A buffered reader would also consume input after the
// line, which later reads need.
func (p prompt) line() (string, error) {
	var text []byte
	one := make([]byte, 1)
	for len(text) <= maxLine {
		n, err := p.in.Read(one)
		if n == 1 && one[0] == '\n' || errors.Is(err, io.EOF) {
			return strings.TrimSuffix(string(text), "\r"), nil
		}
		if err != nil {
			return "", fmt.Errorf("reading a test customer from standard input: %w", err)
		}
		text = append(text, one[:n]...)
	}
	return "", fmt.Errorf("a line on standard input is longer than %d bytes: give user name and password, each on a line of its own", maxLine)
}
