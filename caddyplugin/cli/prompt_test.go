package cli

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

func TestAccountsFromStandardInput(t *testing.T) {
	alice, bob := browse.Account{User: "alice", Password: " a b\t"}, browse.Account{User: "bob", Password: "2"}
	for input, want := range map[string][]browse.Account{
		"alice\n a b\t\n":             {alice},
		"alice\n a b\t":               {alice},
		" alice \r\n a b\t\r\n\r\n":   {alice},
		"alice\n a b\t\nbob\n2\nmore": {alice, bob},
	} {
		var out bytes.Buffer
		got, err := prompt{in: strings.NewReader(input), out: &out}.accounts(t.Context())
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q gives %v, %v", input, got, err)
		}
		if out.Len() > 0 {
			t.Errorf("questions to a script: %q", out.String())
		}
	}
}

func TestAccountsThatAreNone(t *testing.T) {
	long := strings.Repeat("hunter2", 1000)
	for input, want := range map[string]string{
		"":              errNoAccount.Error(),
		"\nhunter2\n":   errNoAccount.Error(),
		"alice\n":       `no password for the test customer "alice"`,
		"alice\n\nbob":  `no password for the test customer "alice"`,
		"a\nhunter2\nb": `no password for the test customer "b"`,
		"a\n" + long:    "longer than 4096 bytes",
	} {
		got, err := prompt{in: strings.NewReader(input), out: new(bytes.Buffer)}.accounts(t.Context())
		if err == nil || got != nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.20q gives %v, error %v", input, got, err)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("device on fire") }

func TestAccountsFromBrokenInput(t *testing.T) {
	_, err := prompt{in: broken{}, out: new(bytes.Buffer)}.accounts(t.Context())
	if err == nil || !strings.Contains(err.Error(), "device on fire") {
		t.Errorf("error %v", err)
	}
}
