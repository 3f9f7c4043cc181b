// Package report counts what the gate saw, by realm and day, and keeps it in the
// store, so that an operator can read it before the gate is switched on and after.
//
// A report is bounded, and holds numbers under short names only: kinds of
// request, names of cookies and headers, patterns of paths, reasons, and users' ids.
package report

import (
	"context"
	"strings"
	"sync"
	"time"
	"unicode"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// The kinds of numbers. What a name stands for is said with each.
const (
	// Requests that arrived, by the mode of the site: "observe". In `mode enforce` only
	// what is rare is counted.
	Requests = "requests"
	// SignIns by how they were noticed: see SignInKinds. SignOuts have no name.
	SignIns  = "sign_ins"
	SignOuts = "sign_outs"
	// UserChallenged, UserEnrolled and UserFree are users by their id, and how often: who
	// would have been (or was) asked for a code, who to set one up, and who for nothing.
	UserChallenged = "user_challenged"
	UserEnrolled   = "user_enrol"
	UserFree       = "user_free"
	// Unknown are answers of whoami that proved nothing, by the reason.
	Unknown = "unknown"
	// CookieDropped are cookies by name that would not reach (or did not reach) the portal.
	CookieDropped = "cookie_dropped"
	// CookieOwn are the portal's cookies with names that Secondgate uses.
	CookieOwn = "cookie_own"
	// Refused are requests that would have been refused: "REASON PATH".
	Refused = "refused"
	// Changed are requests that would have reached the portal changed: "WHAT PATH".
	Changed = "changed"
	// Waits are requests that would have waited for a question: "before" or "after".
	Waits = "waits"
	// Took is how long questions took, by the bound in milliseconds: see Bounds.
	Took = "took_ms"
	// Unasked counts requests without a question, by the reason.
	Unasked = "unasked"
	// Portal is what was found out about the portal itself.
	Portal = "portal"
)

// SignInKinds are how a sign-in was noticed, the surest first.
var SignInKinds = []string{"declared path", "field name", "other POST", "GET", "none seen"}

// Bounds are the upper bounds of Took in milliseconds; the last holds all above.
var Bounds = []int{10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 15000}

const (
	// maxNames bounds the names of one kind in one day, maxUsers those of users.
	maxNames = 100
	maxUsers = 1000
	maxName  = 120
	// Other counts what is beyond those bounds.
	Other = "(others)"
)

// Days is what a Book needs of the store.
type Days interface {
	UpdateDay(ctx context.Context, realm, date string, fn func(old store.Day) (store.Day, error)) error
	Days(ctx context.Context, from string) ([]store.Day, error)
}

// Book counts in memory and writes what it counted to the store now and then. A nil
// Book counts nothing. It is safe for concurrent use.
type Book struct {
	store Days
	clock func() time.Time
	log   *zap.Logger

	mu    sync.Mutex
	fresh map[page]*counts
	// due are the pages of which something has to be written.
	due map[page]bool
	// told is the last date with a summary in the log, by realm; see tell.
	told map[string]string
	// flushing keeps two flushes from passing each other.
	flushing sync.Mutex
}

type page struct{ realm, date string }

// counts are numbers, and how many names each kind has.
type counts struct {
	n     map[store.Count]int64
	names map[string]int
}

func newCounts(old map[store.Count]int64) *counts {
	c := &counts{n: make(map[store.Count]int64, len(old)), names: make(map[string]int)}
	for k, n := range old {
		c.add(k, n)
	}
	return c
}

// New returns an empty book over the store's days.
func New(st Days, clock func() time.Time, log *zap.Logger) *Book {
	return &Book{store: st, clock: clock, log: log, fresh: make(map[page]*counts), due: make(map[page]bool), told: make(map[string]string)}
}

// Add counts one.
func (b *Book) Add(realm, kind, name string) { b.count(realm, kind, name, true) }

// Note counts one of what strangers can cause, who must not have anything written: it
// waits until something else is, or the numbers are read.
func (b *Book) Note(realm, kind, name string) { b.count(realm, kind, name, false) }

func (b *Book) count(realm, kind, name string, due bool) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := page{realm, store.DateOf(b.clock())}
	if due {
		b.due[p] = true
	}
	if b.fresh[p] == nil {
		b.fresh[p] = newCounts(nil)
	}
	b.fresh[p].add(store.Count{Kind: kind, Name: short(name)}, 1)
}

// AddTime counts a question that took so long.
func (b *Book) AddTime(realm string, d time.Duration) { b.Add(realm, Took, bound(d)) }

// add counts under the name, or among the others where there are too many names.
func (c *counts) add(k store.Count, n int64) {
	if _, known := c.n[k]; !known && k.Name != Other {
		if c.names[k.Kind] >= limit(k.Kind) {
			k.Name = Other
		} else {
			c.names[k.Kind]++
		}
	}
	c.n[k] += n
}

func limit(kind string) int {
	if strings.HasPrefix(kind, "user_") {
		return maxUsers
	}
	return maxNames
}

// short makes a name one short piece of text.
func short(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return '·'
		}
		return r
	}, name)
	if len(name) <= maxName {
		return name
	}
	return strings.ToValidUTF8(name[:maxName-3], "") + "…"
}
