package factor

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"github.com/secondgate/secondgate/internal/store"
)

func TestBackupCodesAsShown(t *testing.T) {
	settings := defaults
	settings.BackupCodes = 10
	l := newLabWith(t, settings)
	_, codes := l.enrol(alice)
	shape := regexp.MustCompile(`^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$`)
	seen := make(map[string]bool)
	for _, code := range codes {
		if !shape.MatchString(code) || seen[code] {
			t.Errorf("code %q", code)
		}
		seen[code] = true
	}
	set := l.record(alice).Backup
	if len(seen) != 10 || set.Total != 10 || len(set.Hashes) != 10 || len(set.Salt) != saltBytes {
		t.Errorf("%d codes, stored %d of %d, salt of %d bytes", len(seen), len(set.Hashes), set.Total, len(set.Salt))
	}
}

// ASVS 6.5.2: Argon2id with OWASP's parameters, and a salt. Written out here so that
// a weaker constant is noticed.
func TestASVS_6_5_2_Hash(t *testing.T) {
	realHashes(t)
	l := newLab(t)
	code, salt := []byte("0123456789"), []byte("0123456789abcdef")
	want := argon2.IDKey([]byte("0123456789\x04shop1001"), salt, 2, 19*1024, 1, 32)
	if got := l.hashBackup(code, salt, alice); !bytes.Equal(got, want) {
		t.Errorf("hash %s, want %s", hex.EncodeToString(got), hex.EncodeToString(want))
	}
}

func TestBackupCodeOnce(t *testing.T) {
	l := newLab(t)
	_, codes := l.enrol(alice)
	typed := strings.ToLower(strings.ReplaceAll(codes[0], "-", " "))
	for _, test := range []struct {
		code string
		left int // -1: refused
	}{{typed, 1}, {codes[0], -1}, {"0000-0000-0000-0000", -1}, {codes[1], 0}, {codes[1], -1}} {
		got, err := l.Spend(t.Context(), Attempt{User: alice, Code: test.code, Address: home}, nil)
		if test.left < 0 {
			wantError(t, test.code, err, ErrWrongCode)
			continue
		}
		if err != nil || got.Kind != KindBackup || got.BackupLeft != test.left {
			t.Errorf("%+v, %v, want %d left", got, err, test.left)
		}
		if used := l.record(alice).Backup.UsedAt; !used.Equal(l.clock.Now()) {
			t.Errorf("used at %v", used)
		}
	}
}

func TestBackupCodeParallelSubmits(t *testing.T) {
	l := newLab(t)
	_, codes := l.enrol(alice)
	errs := parallel(20, func(i int) error {
		return l.spend(Attempt{User: alice, Code: codes[0], Address: fmt.Sprintf("192.0.2.%d", i)})
	})
	if n := count(errs, accepted); n != 1 {
		t.Errorf("%d of 20 parallel submits accepted, want 1", n)
	}
	if left := len(l.record(alice).Backup.Hashes); left != 1 {
		t.Errorf("%d codes left, want 1", left)
	}
}

// A set that is copied to another user's record opens nothing there.
func TestBackupCodesMoved(t *testing.T) {
	l := newLab(t)
	_, codes := l.enrol(alice)
	l.enrol(bob)
	set := l.record(alice).Backup
	l.change(bob, func(_ store.Tx, u *store.User) { u.Backup = set })
	wantError(t, "bob with a code of alice", l.spend(Attempt{User: bob, Code: codes[0], Address: home}), ErrWrongCode)
	if err := l.spend(Attempt{User: alice, Code: codes[0], Address: home}); err != nil {
		t.Errorf("alice: %v", err)
	}
}

func TestWithoutBackupCodes(t *testing.T) {
	l := newLab(t)
	l.enrol(alice)
	l.change(alice, func(_ store.Tx, u *store.User) { u.Backup = nil })
	wantError(t, "no set", l.spend(Attempt{User: alice, Code: "0000-0000-0000-0000", Address: home}), ErrWrongCode)
	if got := l.record(alice).Failures[KindBackup].Count; got != 1 {
		t.Errorf("%d failures counted, want 1", got)
	}
}
