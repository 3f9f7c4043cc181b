package transfer_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/memory"
	"github.com/secondgate/secondgate/internal/store/records"
	"github.com/secondgate/secondgate/internal/throttle"
	"github.com/secondgate/secondgate/internal/transfer"
)

const arrivals = `user,secret,backup_codes
alice,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ,0123-4567-89AB-CDEF;GHJK-MNPQ-RSTV-WXYZ
bob,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJR,1123-4567-89AB-CDEF
`

// desk imports into a real store.
type desk struct {
	*factor.Service
	t       *testing.T
	store   store.Store
	now     time.Time
	mu      sync.Mutex
	changed []string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return d.now }
	db := records.Open(memory.New(), records.Options{Clock: clock})
	t.Cleanup(func() { db.Close() })
	ring, err := keys.Parse(keys.Generate())
	if err != nil {
		t.Fatal(err)
	}
	policy := throttle.Policy{Free: 5, Wait: time.Minute, Max: time.Hour, Stop: 100, AddressCount: 30, AddressPer: time.Minute}
	d.store = db
	d.Service = factor.New(db, ring, "shop", factor.Settings{
		Digits: 6, Period: 30 * time.Second, Algorithm: factor.SHA1, Skew: 1, BackupCodes: 2, Throttle: policy,
	}, throttle.NewAddresses(policy, clock))
	d.Clock = clock
	return d
}

// arrive checks the file and, unless it is a dry run, imports it.
func (d *desk) arrive(dry bool) (*transfer.File, transfer.Counts) {
	d.t.Helper()
	f, err := transfer.Read(strings.NewReader(arrivals), transfer.Options{
		Format: transfer.CSV, Realm: "shop", Canonical: func(id string) (string, error) { return id, nil },
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.changed = nil
	i := transfer.Importer{Factors: d.Service, Store: d.store, Realm: "shop", Replace: transfer.ReplaceAlways,
		Event: store.Event{Staff: "maija"},
		Changed: func(user store.UserKey) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.changed = append(d.changed, user.Realm+"/"+user.ID)
		}}
	counts, err := i.Check(d.t.Context(), f)
	if err == nil && !dry {
		counts, err = i.Run(d.t.Context(), f)
	}
	if err != nil || f.Refused > 0 {
		d.t.Fatalf("%v, %+v", err, f.Problems)
	}
	return f, counts
}

func (d *desk) spend(code string) error {
	_, err := d.Spend(d.t.Context(), factor.Attempt{User: "alice", Code: code, Address: "192.0.2.1"}, nil)
	return err
}

// TestAttack_I11_File: a second import of a file does not make used backup codes valid again. The
// dry run and the import report the number of omitted codes, once each.
func TestAttack_I11_File(t *testing.T) {
	d := newDesk(t)
	if f, _ := d.arrive(false); f.Warned > 0 {
		t.Errorf("the first import warns: %+v", f.Problems)
	}
	if err := d.spend("0123-4567-89AB-CDEF"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Reset(t.Context(), "alice", nil); err != nil {
		t.Fatal(err)
	}
	for _, dry := range []bool{true, false} {
		f, counts := d.arrive(dry)
		if f.Warned != 1 || len(f.Problems) != 1 || f.Problems[0].User != "alice" || !strings.Contains(f.Problems[0].Text, "1 of 2 are left out") {
			t.Errorf("dry run %v: %+v", dry, f.Problems)
		}
		if counts != (transfer.Counts{Known: 1, Same: 1}) {
			t.Errorf("dry run %v: %+v", dry, counts)
		}
	}
	if err := d.spend("0123-4567-89AB-CDEF"); err == nil {
		t.Error("a used backup code works again")
	}
	if err := d.spend("GHJK-MNPQ-RSTV-WXYZ"); err != nil {
		t.Errorf("an unused backup code: %v", err)
	}
}

// TestAttack_I13_ImportTellsOfChanges: an import returns each user who owed no code before and
// owes one now, so that the server can close their open connections. It returns no unchanged
// users, and none after a dry run.
func TestAttack_I13_ImportTellsOfChanges(t *testing.T) {
	d := newDesk(t)
	for i, test := range []struct {
		dry  bool
		want int
	}{{true, 0}, {false, 2}, {false, 0}} {
		d.arrive(test.dry)
		if len(d.changed) != test.want || test.want > 0 && !strings.Contains(fmt.Sprint(d.changed), "shop/alice") {
			t.Errorf("import %d: told of %v, want %d users", i, d.changed, test.want)
		}
	}
}
