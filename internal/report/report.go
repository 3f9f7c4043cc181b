// Package report counts what the gateway saw, by realm and day, and keeps the numbers in the
// store. An operator reads them before and after `mode enforce` is switched on. The gateway
// counts in a [Book]; the admin API reads it for the command report, which calls [Print].
//
// The numbers of a day are bounded. They have short names only: kinds of requests, names of
// cookies and headers, patterns of paths, reasons, and users' ids.
package report

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// The kinds of numbers. Each comment says what the names of that kind are.
const (
	// Requests are arrived requests, by the mode of the site: "observe". They are not
	// counted in `mode enforce`, where only rare things are.
	Requests = "requests"
	// SignIns by how they were noticed: see SignInKinds. SignOuts have no name.
	SignIns  = "sign_ins"
	SignOuts = "sign_outs"
	// UserChallenged, UserEnrolled and UserFree count by user id how often a user would have
	// been (or was) asked for a code, asked to set up a factor, or not asked.
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
	// Took are questions to the portal by their time: the names are Bounds.
	Took = "took_ms"
	// Unasked counts requests without a question, by the reason.
	Unasked = "unasked"
	// Portal are properties of the portal that were noticed.
	Portal = "portal"
)

// SignInKinds are the names under SignIns, the most certain first.
var SignInKinds = []string{"declared path", "field name", "other POST", "GET", "none seen"}

// Bounds are the upper bounds of the names under Took, in milliseconds. The last also has
// everything above it.
var Bounds = []int{10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 15000}

const (
	// maxNames bounds the names of one kind in one day, maxUsers those of users.
	maxNames = 100
	maxUsers = 1000
	maxName  = 120
	// Other is the name under which everything beyond these bounds is counted.
	Other = "(others)"
)

// Days is what a Book needs of the store.
type Days interface {
	UpdateDay(ctx context.Context, realm, date string, fn func(old store.Day) (store.Day, error)) error
	Days(ctx context.Context, from string) ([]store.Day, error)
}

// Book counts in memory, and writes the numbers to the store every minute (Run). A nil Book
// counts nothing. It is safe for concurrent use.
type Book struct {
	store Days
	clock func() time.Time
	log   *zap.Logger

	mu    sync.Mutex
	fresh map[page]*counts
	// due are the pages that the next Flush writes; see Add and Note.
	due map[page]bool
	// told has by realm the date on which tell last ran; only tell uses it.
	told map[string]string
	// flushing is held during a flush, so that only one runs at a time.
	flushing sync.Mutex
}

// page identifies the numbers of one realm and day.
type page struct{ realm, date string }

// counts are the numbers of a page. names is how many names each kind has, which is bounded.
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

// Add counts one under a name, and has the page written by the next Flush.
func (b *Book) Add(realm, kind, name string) { b.count(realm, kind, name, true) }

// Note counts one like Add, but does not cause a write to the store. It is for what anonymous
// visitors can cause. The number is written with the page's next Add, or when the numbers
// are read.
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

// add counts n under k's name, or under Other if the kind has too many names already.
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

// short returns a name without control characters, cut to maxName bytes.
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

// maxSegments is the number of a path's segments that Pattern keeps.
const maxSegments = 4

// Pattern returns a path in a form that many paths share and that names no person: segments
// with digits or signs, and long segments, become `*`, and long paths end with `…`.
func Pattern(path string) string {
	segments := strings.SplitN(strings.TrimPrefix(path, "/"), "/", maxSegments+1)
	out := ""
	for i, segment := range segments {
		if i == maxSegments {
			return out + "/…"
		}
		out += "/" + plain(segment)
	}
	return out
}

// word matches short words, as in the names of a program's pages.
var word = regexp.MustCompile(`^[A-Za-z._-]{0,24}$`)

// plain returns a segment unchanged if it is a short word, and otherwise "*".
func plain(segment string) string {
	if word.MatchString(segment) {
		return segment
	}
	return "*"
}
