package factor

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
)

// RFC 4226, appendix D.
func TestRFC4226(t *testing.T) {
	g, err := newGenerator([]byte("12345678901234567890"), SHA1, 6, 30)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields("755224 287082 359152 969429 338314 254676 287922 162583 399871 520489")
	for counter, want := range want {
		if got, err := g.code(int64(counter)); got != want || err != nil {
			t.Errorf("count %d: %q, %v, want %q", counter, got, err, want)
		}
	}
}

// RFC 6238, appendix B, with the seeds of its erratum 2866: as long as the hash.
func TestRFC6238(t *testing.T) {
	seed := strings.Repeat("1234567890", 7)
	for _, test := range []struct {
		unix                 int64
		sha1, sha256, sha512 string
	}{
		{59, "94287082", "46119246", "90693936"},
		{1111111109, "07081804", "68084774", "25091201"},
		{1111111111, "14050471", "67062674", "99943326"},
		{1234567890, "89005924", "91819424", "93441116"},
		{2000000000, "69279037", "90698825", "38618901"},
		{20000000000, "65353130", "77737706", "47863826"},
	} {
		for _, of := range []struct {
			algorithm string
			seed      int
			want      string
		}{{SHA1, 20, test.sha1}, {SHA256, 32, test.sha256}, {SHA512, 64, test.sha512}} {
			g, err := newGenerator([]byte(seed[:of.seed]), of.algorithm, 8, 30)
			if err != nil {
				t.Fatal(err)
			}
			got, err := g.code(g.step(time.Unix(test.unix, 0)))
			if got != of.want || err != nil {
				t.Errorf("%s at %d: %q, %v, want %q", of.algorithm, test.unix, got, err, of.want)
			}
		}
	}
}

func TestGeneratorRefusesOddRecords(t *testing.T) {
	for _, test := range []struct {
		algorithm      string
		digits, period int
	}{{"MD5", 6, 30}, {"", 6, 30}, {SHA1, 5, 30}, {SHA1, 9, 30}, {SHA1, 6, 0}, {SHA1, 6, -30}} {
		_, err := newGenerator(make([]byte, 20), test.algorithm, test.digits, test.period)
		wantError(t, fmt.Sprint(test), err, store.ErrCorrupt)
	}
}

// Two steps with one code: the newest counts, so that the same digits are not good
// for the other one afterwards.
func TestMatchTakesTheNewest(t *testing.T) {
	g, err := newGenerator([]byte("12345678901234567890"), SHA1, 6, 30)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]int64)
	for step := int64(0); ; step++ {
		code, err := g.code(step)
		if err != nil {
			t.Fatal(err)
		}
		first, twice := seen[code]
		seen[code] = step
		if !twice {
			continue
		}
		if got, ok, err := g.match(code, first, step); got != step || !ok || err != nil {
			t.Errorf("code %s of steps %d and %d matched %d, %v, %v", code, first, step, got, ok, err)
		}
		return
	}
}

func TestASVS_6_5_5_Skew(t *testing.T) {
	for _, test := range []struct {
		skew  int
		steps int64
		ok    bool
	}{
		{0, 0, true}, {0, -1, false}, {0, 1, false},
		{1, 0, true}, {1, -1, true}, {1, 1, true}, {1, -2, false}, {1, 2, false},
	} {
		t.Run(fmt.Sprintf("skew %d step %+d", test.skew, test.steps), func(t *testing.T) {
			settings := defaults
			settings.Skew = test.skew
			l := newLabWith(t, settings)
			e, _ := l.enrol(alice)
			got, err := l.Spend(t.Context(), Attempt{User: alice, Code: l.code(e, test.steps), Address: home}, nil)
			if (err == nil) != test.ok {
				t.Fatalf("error %v, accepted should be %v", err, test.ok)
			}
			want := l.clock.Now().Unix()/30 + test.steps
			if test.ok && (got.Step != want || got.Kind != KindTOTP || l.record(alice).TOTP.Floor != want) {
				t.Errorf("accepted %+v with floor %d, want step %d", got, l.record(alice).TOTP.Floor, want)
			}
		})
	}
}

// The algorithm, digits and period of a factor are its own, whatever is set later.
func TestOtherParameters(t *testing.T) {
	for _, test := range []struct {
		algorithm string
		digits    int
		period    time.Duration
	}{{SHA256, 8, 60 * time.Second}, {SHA512, 7, 15 * time.Second}} {
		settings := defaults
		settings.Algorithm, settings.Digits, settings.Period = test.algorithm, test.digits, test.period
		l := newLabWith(t, settings)
		e, _ := l.enrol(alice)
		l.settings = defaults
		if err := l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home}); err != nil {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

func TestASVS_6_5_1_Replay(t *testing.T) {
	l := newLab(t)
	e, _ := l.enrol(alice)
	a := Attempt{User: alice, Code: l.code(e, 0), Address: home}
	if err := l.spend(a); err != nil {
		t.Fatal(err)
	}
	wantError(t, "again", l.spend(a), ErrWrongCode)
	a.Code = l.code(e, -1)
	wantError(t, "an older one", l.spend(a), ErrWrongCode)
	if got := l.record(alice).Failures[KindTOTP].Count; got != 2 {
		t.Errorf("%d failures counted, want 2", got)
	}
	a.Code = l.code(e, 1)
	if err := l.spend(a); err != nil {
		t.Errorf("the next one: %v", err)
	}
	l.clock.Advance(time.Minute)
	a.Code = l.code(e, 0)
	if err := l.spend(a); err != nil {
		t.Errorf("two later: %v", err)
	}
}

func TestASVS_6_5_1_ParallelSubmits(t *testing.T) {
	l := newLab(t)
	e, _ := l.enrol(alice)
	code, bought := l.code(e, 0), make([]byte, 100)
	errs := parallel(100, func(i int) error {
		_, err := l.Spend(t.Context(), Attempt{User: alice, Code: code, Address: fmt.Sprintf("192.0.2.%d", i)},
			func(tx store.Tx, _ *store.User, _ Accepted) error { return tx.PutVisit(l.clearance(alice, byte(i))) })
		if err == nil {
			bought[i] = 1
		}
		return err
	})
	if n := count(errs, accepted); n != 1 {
		t.Errorf("%d of 100 parallel submits accepted, want 1", n)
	}
	visits, err := l.store.Visits(t.Context(), l.key(alice))
	if err != nil || len(visits) != 1 || bought[visits[0].ID[0]] != 1 {
		t.Errorf("clearances %v, %v: want exactly the winner's", visits, err)
	}
}

// The floor holds when the clock steps back.
func TestClockStepsBack(t *testing.T) {
	l := newLab(t)
	e, _ := l.enrol(alice)
	code := l.code(e, 0)
	if err := l.spend(Attempt{User: alice, Code: code, Address: home}); err != nil {
		t.Fatal(err)
	}
	floor := l.record(alice).TOTP.Floor
	l.clock.Advance(-time.Hour)
	for steps := int64(-1); steps <= 1; steps++ {
		wantError(t, "code of an hour ago", l.spend(Attempt{User: alice, Code: l.code(e, steps), Address: home}), ErrWrongCode)
	}
	l.clock.Advance(time.Hour)
	wantError(t, "the spent one", l.spend(Attempt{User: alice, Code: code, Address: home}), ErrWrongCode)
	if got := l.record(alice).TOTP.Floor; got != floor {
		t.Errorf("floor moved from %d to %d", floor, got)
	}
}

// The spent record holds even where a floor was lost, for longer than the step
// could be valid.
func TestSpentRecordOutlivesTheStep(t *testing.T) {
	l := newLab(t)
	e, _ := l.enrol(alice)
	code, at := l.code(e, 1), l.clock.Now() // of the future, as the skew allows
	if err := l.spend(Attempt{User: alice, Code: code, Address: home}); err != nil {
		t.Fatal(err)
	}
	l.change(alice, func(_ store.Tx, u *store.User) { u.TOTP.Floor = 0 })
	for _, later := range []time.Duration{0, 30 * time.Second, time.Minute} {
		l.clock.Set(at.Add(later))
		wantError(t, later.String(), l.spend(Attempt{User: alice, Code: code, Address: home}), ErrWrongCode)
	}
	l.clock.Set(at.Add(2 * time.Minute))
	if err := l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home}); err != nil {
		t.Errorf("a fresh one: %v", err)
	}
}

// What the code buys and the code itself go together.
func TestFailedPurchaseSpendsNothing(t *testing.T) {
	l := newLab(t)
	e, backup := l.enrol(alice)
	broken := errors.New("portal is gone")
	for _, code := range []string{l.code(e, 0), backup[0]} {
		a := Attempt{User: alice, Code: code, Address: home}
		_, err := l.Spend(t.Context(), a, func(tx store.Tx, u *store.User, _ Accepted) error {
			u.Name = "changed"
			return errors.Join(tx.PutVisit(l.clearance(alice, 1)), broken)
		})
		wantError(t, "purchase", err, broken)
		if l.record(alice).Name != "" || l.cleared(&store.VisitID{1}) {
			t.Error("half of a failed purchase was written")
		}
		if err := l.spend(a); err != nil {
			t.Errorf("the same code after a failed purchase: %v", err)
		}
	}
}

func TestThenChangesTheUser(t *testing.T) {
	l := newLab(t)
	e, _ := l.enrol(alice)
	_, err := l.Spend(t.Context(), Attempt{User: alice, Code: l.code(e, 0), Address: home}, func(_ store.Tx, u *store.User, _ Accepted) error {
		u.Name = "Alice"
		return nil
	})
	if err != nil || l.record(alice).Name != "Alice" {
		t.Errorf("name %q, %v", l.record(alice).Name, err)
	}
}

// ASVS 11.3: a sealed secret is valid for its realm, user and factor only. One damaged record
// does not affect other users.
func TestASVS_11_3_MovedSecret(t *testing.T) {
	for _, test := range []struct {
		name string
		move func(a, b *store.User)
	}{
		{"whole factor to another user", func(a, b *store.User) { b.TOTP = a.TOTP }},
		{"secret to another user", func(a, b *store.User) { b.TOTP.Secret = a.TOTP.Secret }},
		{"secret to another factor", func(_, b *store.User) { b.TOTP.ID = "another" }},
		{"cut off", func(_, b *store.User) { b.TOTP.Secret = b.TOTP.Secret[:10] }},
		{"none", func(_, b *store.User) { b.TOTP.Secret = nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLab(t)
			e, _ := l.enrol(alice)
			f, backup := l.enrol(bob)
			owner := l.record(alice)
			l.change(bob, func(_ store.Tx, u *store.User) { test.move(&owner, u) })
			for _, code := range []string{l.code(e, 0), l.code(f, 0), "000000"} {
				err := l.spend(Attempt{User: bob, Code: code, Address: home})
				wantError(t, "bob", err, keys.ErrOpen)
				if err == nil || !strings.Contains(err.Error(), `user "1002" in realm "shop"`) {
					t.Errorf("error %v does not name the user", err)
				}
			}
			if err := l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home}); err != nil {
				t.Errorf("alice: %v", err)
			}
			if err := l.spend(Attempt{User: bob, Code: backup[0], Address: home}); err != nil {
				t.Errorf("bob by backup code: %v", err)
			}
		})
	}
}
