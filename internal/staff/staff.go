// Package staff has the operations of the support desk on customers' second factors: list
// users, show one, reset factors, unlock, end sessions, issue a recovery code. A [Desk] is
// called by the admin API, which the commands use, and by the pages of `two_factor_admin`.
//
// Each act requires a staff member's name and a reason. The change and its audit event are
// one transaction of the store, so neither exists without the other. The package does not
// check who may see or act; its callers do.
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

// Options configure a Desk.
type Options struct {
	Store store.Store
	// Realms are the realms that this server serves, each with its factor service.
	Realms map[string]*factor.Service
	// End removes clearances that a committed transaction ended from the gateway's memory,
	// and closes the user's open connections (visits.Table.EndUser).
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

// Realms returns the names of the realms that this server serves, sorted.
func (d *Desk) Realms() []string { return slices.Sorted(maps.Keys(d.Options.Realms)) }

// Realm returns the named realm or, if name is empty, the only one. If there is no such realm
// or name is empty and there are several, it returns ErrUnknown or ErrInput with a list.
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

// factors returns the service of a realm that Realm returned.
func (d *Desk) factors(realm string) *factor.Service { return d.Options.Realms[realm] }

// name returns the words for a user in an error.
func name(key store.UserKey) string { return fmt.Sprintf("user %q of realm %q", key.ID, key.Realm) }
