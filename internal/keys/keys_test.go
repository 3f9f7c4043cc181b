package keys_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/keys"
)

func parse(t *testing.T, text string) *keys.Ring {
	t.Helper()
	ring, err := keys.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestParse(t *testing.T) {
	key := keys.Generate()
	for name, text := range map[string]string{
		"one key":              key,
		"comments and blanks":  "# made 2026-11-21\n\n  " + key + "\n# old\n" + keys.Generate(),
		"lines of other hosts": strings.ReplaceAll(key, "\n", "\r\n"),
		"as many as allowed":   strings.Repeat(key, 16),
	} {
		if _, err := keys.Parse(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestParse_Errors name the line and what would be right, and never quote a key.
func TestParse_Errors(t *testing.T) {
	key := keys.Generate()
	short := base64.StdEncoding.EncodeToString(make([]byte, 31))
	long := base64.StdEncoding.EncodeToString(make([]byte, 33))
	for name, tt := range map[string]struct{ text, want string }{
		"empty":         {"", "no master key found"},
		"only comments": {"# a\n\n", "no master key found"},
		"short":         {key + short + "\n", "line 2"},
		"long":          {"\n\n" + long, "line 3"},
		"not base64":    {"correct horse battery staple", "line 1"},
		"hexadecimal":   {strings.Repeat("ab", 32), "line 1"},
		"two in a line": {strings.TrimSpace(key) + " " + key, "line 1"},
		"too many":      {strings.Repeat(key, 17), "more than 16"},
	} {
		_, err := keys.Parse(tt.text)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
			continue
		}
		for line := range strings.FieldsSeq(tt.text) {
			if len(line) > 8 && strings.Contains(err.Error(), line) {
				t.Errorf("%s: the error quotes the file: %v", name, err)
			}
		}
	}
}

func TestGenerate_IsFresh(t *testing.T) {
	one, two := keys.Generate(), keys.Generate()
	if one == two {
		t.Error("two equal keys")
	}
}

// TestSeal_IsBound: what is sealed for one realm, user and field opens nowhere else.
func TestSeal_IsBound(t *testing.T) {
	ring := parse(t, keys.Generate())
	plain := []byte("seed")
	sealed := ring.Seal(plain, "realm", "alice", "totp")
	if got, err := ring.Open(sealed, "realm", "alice", "totp"); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("%q, %v", got, err)
	}
	if bytes.Contains(sealed, plain) || bytes.Equal(sealed, ring.Seal(plain, "realm", "alice", "totp")) {
		t.Error("in the clear, or sealed twice alike")
	}
	for _, bound := range [][]string{
		{"realm", "bob", "totp"}, {"other", "alice", "totp"}, {"realm", "alice", "phone"}, {"alice", "realm", "totp"},
		{"realm", "alice"}, {"realm", "alice", "totp", ""}, {"realma", "lice", "totp"}, {"realm", "alicetotp"}, nil,
	} {
		if got, err := ring.Open(sealed, bound...); !errors.Is(err, keys.ErrOpen) || got != nil {
			t.Errorf("opened for %q: %q, %v", bound, got, err)
		}
	}
	for i := range sealed {
		tampered := bytes.Clone(sealed)
		tampered[i] ^= 1
		if _, err := ring.Open(tampered, "realm", "alice", "totp"); !errors.Is(err, keys.ErrOpen) {
			t.Fatalf("opened with byte %d changed: %v", i, err)
		}
	}
	for n := range len(sealed) {
		if _, err := ring.Open(sealed[:n], "realm", "alice", "totp"); !errors.Is(err, keys.ErrOpen) {
			t.Fatalf("the first %d bytes opened: %v", n, err)
		}
	}
}

// TestRotation: a new key in front seals, the old one still opens until it goes.
func TestRotation(t *testing.T) {
	old, fresh := keys.Generate(), keys.Generate()
	before, between, after := parse(t, old), parse(t, fresh+old), parse(t, fresh)
	sealed := before.Seal([]byte("x"), "a")
	if _, err := between.Open(sealed, "a"); err != nil {
		t.Errorf("the old key does not open: %v", err)
	}
	if _, err := after.Open(sealed, "a"); !errors.Is(err, keys.ErrOpen) {
		t.Errorf("a key that is gone opens: %v", err)
	}
	renewed := between.Seal([]byte("x"), "a")
	if _, err := after.Open(renewed, "a"); err != nil {
		t.Errorf("the newest key did not seal: %v", err)
	}
	if _, err := before.Open(renewed, "a"); !errors.Is(err, keys.ErrOpen) {
		t.Errorf("sealed with the old key: %v", err)
	}
}

// TestDerive_KeepsPurposesApart, and the master key out of all.
func TestDerive_KeepsPurposesApart(t *testing.T) {
	old, fresh := keys.Generate(), keys.Generate()
	ring := parse(t, fresh+old)
	visit, state := ring.Derive("visit", 32), ring.Derive("state", 32)
	if len(visit) != 2 || len(visit[0]) != 32 || bytes.Equal(visit[0], visit[1]) || bytes.Equal(visit[0], state[0]) {
		t.Fatalf("%x %x", visit, state)
	}
	if !bytes.Equal(visit[1], parse(t, old).Derive("visit", 32)[0]) {
		t.Error("newest first, and the same every time")
	}
	master, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(fresh))
	if bytes.Equal(visit[0], master) {
		t.Error("the master key itself")
	}
}
