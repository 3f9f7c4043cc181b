// Package staff is what the support desk does with customers' second factors: list users, show
// one, reset factors, unlock, end sessions, issue a recovery code.
//
// Each act needs a name and a reason. It is one transaction of the store that holds the change
// and its audit event, so the audit log has exactly what was done.
//
// Who may see and who may act is decided by the callers: the admin API, the commands, and the
// pages of `two_factor_admin`.
package staff

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/store"
)

// Options are what a Desk is made from.
type Options struct {
	Store store.Store
	// Realms are the realms that this server serves, each with what is done with the
	// factors of its users.
	Realms map[string]*factor.Service
	// End forgets, in the gateway's memory, clearances that a committed transaction
	// ended, and closes all that the user had open (visits.Table.EndUser).
	End func(user store.UserKey, ids ...store.VisitID)
	// Clock is time.Now if nil.
	Clock func() time.Time
}

// Desk is the support desk of one server. Safe for concurrent use.
type Desk struct{ Options }

// New returns a desk.
func New(o Options) *Desk {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return &Desk{o}
}

// Realms are the names of the realms that can be worked in, sorted.
func (d *Desk) Realms() []string { return slices.Sorted(maps.Keys(d.Options.Realms)) }

// Realm returns the realm to work in: the named one, or, where none is named, the only
// one there is. Otherwise it is an ErrInput or ErrUnknown that lists those there are.
func (d *Desk) Realm(name string) (string, error) {
	all := d.Realms()
	switch {
	case slices.Contains(all, name):
		return name, nil
	case len(all) == 0:
		return "", refuse(ErrUnknown, "this server has no site with two_factor, so there are no users")
	case name == "" && len(all) == 1:
		return all[0], nil
	case name == "":
		return "", refuse(ErrInput, "this server has several realms; name one of them: %s", strings.Join(all, ", "))
	}
	return "", refuse(ErrUnknown, "there is no realm %q; there is: %s", name, strings.Join(all, ", "))
}

func (d *Desk) now() time.Time { return d.Clock().UTC() }

// factors is the service of a realm that was found by Realm.
func (d *Desk) factors(realm string) *factor.Service { return d.Options.Realms[realm] }

// name is how sentences call a user.
func name(key store.UserKey) string { return fmt.Sprintf("user %q of realm %q", key.ID, key.Realm) }
