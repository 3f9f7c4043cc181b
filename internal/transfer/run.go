package transfer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/store"
)

// What becomes of users who have another authenticator than the file's.
const (
	// ReplaceNever refuses the file.
	ReplaceNever = "never"
	// ReplaceSkip leaves them as they are.
	ReplaceSkip = "skip"
	// ReplaceAlways puts the file's in its place.
	ReplaceAlways = "always"
)

// CheckReplace refuses what is none of them.
func CheckReplace(replace string) error {
	switch replace {
	case ReplaceNever, ReplaceSkip, ReplaceAlways:
		return nil
	}
	return fmt.Errorf("replace %q is unknown; want never, skip or always", replace)
}

// Counts are how many users there are of each kind.
type Counts struct {
	// Unknown users get a record, Known ones have one without a factor.
	Unknown int `json:"unknown"`
	Known   int `json:"known"`
	// Same users have this very authenticator already, and are left alone.
	Same int `json:"same"`
	// Replaced and Skipped users have another one.
	Replaced int `json:"replaced"`
	Skipped  int `json:"skipped"`
	// Failed users set up another one while the import ran, and are left alone.
	Failed int `json:"failed"`
}

// Done is how many users are through.
func (c Counts) Done() int {
	return c.Unknown + c.Known + c.Same + c.Replaced + c.Skipped + c.Failed
}

func (c *Counts) add(f factor.Found, replace string) {
	switch {
	case f == factor.FoundNobody:
		c.Unknown++
	case f == factor.FoundNoFactor:
		c.Known++
	case f == factor.FoundSame:
		c.Same++
	case replace == ReplaceAlways:
		c.Replaced++
	default:
		c.Skipped++
	}
}

// Importer writes a file's users into one realm.
type Importer struct {
	Factors *factor.Service
	Store   store.Store
	Realm   string
	Replace string
	// Event is what is recorded of every user; kind, time, user and factor are filled in.
	Event store.Event
	// Ended is told of clearances that ended.
	Ended func(ids ...store.VisitID)
	// Changed is told of each user who got an authenticator: connections that were opened
	// while the user owed nothing must be closed. It may be nil, and is called by several
	// goroutines.
	Changed func(user store.UserKey)
	// Progress is told, at most once a second, how many users are through.
	Progress func(done int)

	told time.Time
}

// Check tells what an import would do, and adds to the file's problems the users who
// have another authenticator, where that refuses it.
func (i *Importer) Check(ctx context.Context, f *File) (counts Counts, err error) {
	i.told = time.Now()
	seen := false
	for n := range f.Items {
		item := &f.Items[n]
		meets, err := i.Factors.Meets(ctx, &item.Import)
		if err != nil {
			return counts, err
		}
		found := meets.Found
		seen = seen || found != factor.FoundNobody
		if found == factor.FoundOther && i.Replace == ReplaceNever {
			f.refuse(Problem{Line: item.Line, User: item.User, Field: fieldUser, Text: "has another authenticator already; to leave such users as they are say replace skip, to put these in their place replace always"})
			continue
		}
		if found != factor.FoundOther || i.Replace == ReplaceAlways {
			f.warnSpent(item, meets.Spent)
		}
		counts.add(found, i.Replace)
		i.tell(n + 1)
	}
	if seen || len(f.Items) == 0 {
		return counts, nil
	}
	return counts, i.checkStrange(ctx, f)
}

// checkStrange warns of a file with users of whom none was ever seen, in a realm where
// others were: its ids are then hardly those that whoami says.
func (i *Importer) checkStrange(ctx context.Context, f *File) error {
	page, err := i.Store.Users(ctx, store.UserQuery{Realm: i.Realm, Limit: 1})
	if err != nil {
		return fmt.Errorf("looking for known users: %w", err)
	}
	if len(page.Users) > 0 {
		f.warn(Problem{Field: fieldUser, Text: fmt.Sprintf("none of them was ever seen in this realm, while others were: are they the ids that whoami says, as %q is?", page.Users[0].Key.ID)})
	}
	return nil
}

func (i *Importer) tell(done int) {
	if now := time.Now(); i.Progress != nil && now.Sub(i.told) >= time.Second {
		i.told = now
		i.Progress(done)
	}
}

// writers write at a time: the store syncs what they write together, and those who
// sign in meanwhile don't wait long.
const writers = 16

// Run imports a file without problems, user by user. An error ends it: the users
// before are imported, counts says how many, and running it again does the rest.
func (i *Importer) Run(ctx context.Context, f *File) (Counts, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	run := run{Importer: i, file: f, stop: stop}
	var all sync.WaitGroup
	for range writers {
		all.Go(func() { run.work(ctx) })
	}
	all.Wait()
	return run.counts, context.Cause(ctx)
}

// run is the state of Run.
type run struct {
	*Importer
	file *File
	stop context.CancelCauseFunc

	mu     sync.Mutex
	next   int
	counts Counts
}

func (r *run) take() *Item {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == len(r.file.Items) {
		return nil
	}
	r.next++
	return &r.file.Items[r.next-1]
}

func (r *run) work(ctx context.Context) {
	for item := r.take(); item != nil && ctx.Err() == nil; item = r.take() {
		done, err := r.Factors.Import(ctx, &item.Import, r.Replace == ReplaceAlways, r.Event)
		exists := errors.Is(err, factor.ErrExists)
		if err != nil && !exists {
			r.stop(fmt.Errorf("importing user %q of line %d: %w", item.User, item.Line, err))
			return
		}
		if len(done.Ended) > 0 && r.Ended != nil {
			r.Ended(done.Ended...)
		}
		if err == nil && done.Found != factor.FoundSame && r.Changed != nil {
			r.Changed(store.UserKey{Realm: r.Realm, ID: item.User})
		}
		r.note(item, done, exists && r.Replace == ReplaceNever)
	}
}

// note counts a user. Codes that were left out are told of if the check found others.
func (r *run) note(item *Item, done factor.Imported, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := done.Found
	if found != factor.FoundOther || r.Replace == ReplaceAlways {
		r.file.warnSpent(item, done.Spent)
	}
	if failed {
		r.counts.Failed++
		r.file.refuse(Problem{Line: item.Line, User: item.User, Field: fieldUser, Text: "set up another authenticator while the import ran, and was left as is"})
	} else {
		r.counts.add(found, r.Replace)
	}
	r.tell(r.counts.Done())
}
