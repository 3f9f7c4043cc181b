package witness

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/keys"
)

// ErrLost says that the store is not the one that is expected; every error of Judge and
// JudgeRealm is one.
var ErrLost = errors.New("the store is not the one that is expected")

// Found is what a start or reload finds where the configuration says that the store is.
type Found struct {
	// Place is that directory, or what else names it.
	Place string
	// Store is the store's id. It is empty for a store that has none yet: a new one, or
	// one of an older version.
	Store string
	// Empty says that there is no store, or one in which nothing was ever kept.
	Empty bool
	// Head is the newest entry of its audit log. At is the hash of the entry that has the
	// number of the witness's head, empty where that entry is not there (any more).
	Head Head
	At   string
	// Restored is when it was last restored from a backup; zero for never.
	Restored time.Time
	// Flags are what the commands want, besides the configuration, to find Caddy's storage.
	Flags string
	// Ordered says that an operator has ordered a further store here; see Order.
	Ordered bool
	// Expected says that the configuration rules out a new store.
	Expected bool
}

// Known are the witnesses that Caddy's storage holds.
type Known []Witness

// Verify looks at the signatures.
func (k Known) Verify(ring *keys.Ring) {
	derived := ring.Derive(purpose, 32)
	for i := range k {
		k[i].verify(derived)
	}
}

// Of is the witness of a store, nil if there is none.
func (k Known) Of(store string) *Witness {
	return k.first(func(w Witness) bool { return store != "" && w.Store == store })
}

// first is the first witness that is wanted, nil if there is none.
func (k Known) first(wanted func(Witness) bool) *Witness {
	if i := slices.IndexFunc(k, wanted); i >= 0 {
		return &k[i]
	}
	return nil
}

// Judge decides whether the store may be used as far as that does not depend on realms.
// Nil means yes.
func Judge(known Known, found Found) error {
	if bad := known.first(func(w Witness) bool { return w.Unreadable }); bad != nil {
		return fmt.Errorf("%w, or it can't be known: the witness %s in Caddy's storage can't be read; found in %s. %s", ErrLost, bad.Key, found.Place, found.ways())
	}
	w := known.Of(found.Store)
	switch {
	case w == nil && found.Empty:
		return judgeEmpty(known, found)
	case w == nil: // JudgeRealm finds out whether another store is expected
		return nil
	case w.Forged:
		return lost(w, found, "that store, but its witness in Caddy's storage is not signed with its master keys")
	case w.RestoredSince(found):
		return nil
	case w.Contested != "":
		return lost(w, found, "one of two copies of that store that servers used at once, the other one in %s: each lacks what was set up at the other", w.Contested)
	case found.Head.Seq < w.Head.Seq:
		return lost(w, found, "that store as it was earlier, at entry %d: an older copy was put back, or damage cost its newest records", found.Head.Seq)
	case found.At != "" && found.At != w.Head.Hash:
		return lost(w, found, "that store with another history: entry %d of its audit log is not the one that was there", w.Head.Seq)
	}
	return nil
}

// judgeEmpty refuses a new store where another one had users with a second factor. The
// realms of the configuration are not known yet, so any store counts.
func judgeEmpty(known Known, found Found) error {
	if found.Ordered {
		return nil
	}
	if w := known.first(func(w Witness) bool { return w.users() > 0 }); w != nil {
		return lost(w, found, "no store")
	}
	if found.Expected {
		return fmt.Errorf("%w and would let users in without their second factor: expected a store, because the configuration says must_exist, and Caddy's storage knows of none; found in %s: no store. %s", ErrLost, found.Place, found.ways())
	}
	return nil
}

// Users is what is known of the users of one realm in the store that was found.
type Users struct {
	Realm string
	// Activated is how many have a second factor.
	Activated int
	// Explained is how many times the audit log, behind the witness's count, says that
	// a user's second factor was turned off or reset.
	Explained int
}

// Missing is how many users with a second factor the store lacks that the witness counted
// and the audit log does not explain.
func (u Users) Missing(w *Witness) int {
	return max(0, w.Activated[u.Realm]-u.Activated-u.Explained)
}

// JudgeRealm decides whether the store may answer for a realm. That it answered for it
// before does not suffice: the users may have enrolled in another store since, as with a
// directory that was tried once, or two servers with a store each.
func JudgeRealm(known Known, found Found, u Users) error {
	fewest, answered := 1, false // of another store's users that are missed here
	if w := known.Of(found.Store); w != nil {
		if _, answered = w.Activated[u.Realm]; answered {
			if n := u.Missing(w); n > 0 && !w.RestoredSince(found) {
				return lost(w, found, "that store with %d activated users in realm %q, of whom %d are missing without an entry in the audit log that explains it", u.Activated, u.Realm, n)
			}
			fewest = max(1, u.Activated)
		}
	}
	if other := known.rival(found.Store, u.Realm, fewest); other != nil {
		if answered {
			return lost(other, found, "the store %s, which has %d activated users in realm %q", found.Store, u.Activated, u.Realm)
		}
		return lost(other, found, "%s", another(found, u.Realm))
	}
	return nil
}

// rival is the witness of another store that has that many activated users in the realm,
// nil for none.
func (k Known) rival(store, realm string, fewest int) *Witness {
	return k.first(func(w Witness) bool { return w.Store != store && w.Activated[realm] >= fewest })
}

// RestoredSince reports whether the store was restored from its own backup after the
// witness was written, which explains what it lacks. A restored store that was left aside
// while the original went on was not.
func (w *Witness) RestoredSince(found Found) bool {
	return found.Store == w.Store && found.Restored.After(w.Restored) && found.Restored.After(w.Signed)
}

// another names the store that was found instead.
func another(found Found, realm string) string {
	switch {
	case found.Empty:
		return "an empty store"
	case found.Store == "":
		return fmt.Sprintf("another store, which has no id yet and never served realm %q", realm)
	}
	return fmt.Sprintf("the store %s, which never served realm %q", found.Store, realm)
}

// lost is the refusal: what was expected, what was found, and the ways on.
func lost(w *Witness, found Found, what string, args ...any) error {
	return fmt.Errorf("%w and would let users in without their second factor: expected %s; found in %s: %s. %s", ErrLost, w, found.Place, fmt.Sprintf(what, args...), found.ways())
}

// ways are what an operator can do.
func (f Found) ways() string {
	return fmt.Sprintf("Mount or name the right directory; or restore a backup with `secondgate restore`; or, if that store is lost for good, run `secondgate accept-loss%[1]s --staff NAME --reason TEXT` with this configuration and start again (`secondgate init%[1]s` instead, if this is a first or a further portal's store and none was lost)", f.Flags)
}

// String says which store a witness is of, for people.
func (w *Witness) String() string {
	var realms []string
	for _, realm := range slices.Sorted(maps.Keys(w.Activated)) {
		realms = append(realms, fmt.Sprintf("%d activated users in realm %q", w.Activated[realm], realm))
	}
	if len(realms) == 0 {
		realms = []string{"no users yet"}
	}
	return fmt.Sprintf("the store %s (last in %s, %s, audit log at entry %d, witnessed %s UTC)",
		w.Store, w.where(), strings.Join(realms, ", "), w.Head.Seq, w.Signed.UTC().Format("2006-01-02 15:04:05"))
}
