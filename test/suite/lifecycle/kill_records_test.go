//go:build crash

package lifecycle

import (
	"errors"
	"testing"

	"github.com/secondgate/secondgate/internal/store"
	engine "github.com/secondgate/secondgate/internal/store/badger"
)

// checkRecords opens the store of a killed server and checks the records themselves, before a
// server repairs them.
func checkRecords(t *testing.T, dir string, all []*changer) {
	t.Helper()
	d, err := engine.Open(dir, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, c := range all {
		c.checkRecord(d)
	}
}

// checkRecord checks one user: factor, backup codes and clearances go together.
func (c *changer) checkRecord(d *engine.DB) {
	c.t.Helper()
	key := store.UserKey{Realm: "one", ID: c.name}
	u, err := d.User(c.t.Context(), key)
	if errors.Is(err, store.ErrNotFound) {
		if c.on {
			c.t.Errorf("%s: a confirmed set-up left no record", c.name)
		}
		return
	}
	if err != nil {
		c.t.Fatal(err)
	}
	visits, err := d.Visits(c.t.Context(), key)
	switch {
	case err != nil:
		c.t.Errorf("%s: %v", c.name, err)
	case (u.TOTP == nil) != (u.Backup == nil) || u.Activated() == u.EnabledAt.IsZero():
		c.t.Errorf("%s, killed at %q: half a factor: %+v", c.name, c.doing, u)
	case !u.Activated() && len(visits) > 0:
		c.t.Errorf("%s, killed at %q: %d clearances without a factor", c.name, c.doing, len(visits))
	case u.Activated():
		c.checkSet(&u, len(visits))
	}
}

// checkSet: the enrolment bought a clearance with the factor, and a new set of backup
// codes is there exactly if the code that paid for it is spent.
func (c *changer) checkSet(u *store.User, clearances int) {
	c.t.Helper()
	if clearances == 0 {
		c.t.Errorf("%s, killed at %q: a factor, and its enrolment's clearance is not there", c.name, c.doing)
	}
	if n := len(u.Backup.Hashes); n > killSet || u.Backup.Total != killSet {
		c.t.Errorf("%s: %d of %d backup codes", c.name, n, u.Backup.Total)
	}
	if c.doing == "regenerate" && len(c.backup) == killSet-1 {
		if fresh, paid := len(u.Backup.Hashes) == killSet, u.TOTP.Floor >= c.step; fresh != paid {
			c.t.Errorf("%s: a new set is %v, its code spent %v", c.name, fresh, paid)
		}
	}
}
