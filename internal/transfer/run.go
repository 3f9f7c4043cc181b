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

// What an import does if a user of the file already has another authenticator.
const (
	// ReplaceNever refuses the file.
	ReplaceNever = "never"
	// ReplaceSkip keeps the user's authenticator.
	ReplaceSkip = "skip"
	// ReplaceAlways replaces it by the file's.
	ReplaceAlways = "always"
)

// CheckReplace returns an error for a value that is none of these.
func CheckReplace(replace string) error {
	switch replace {
	case ReplaceNever, ReplaceSkip, ReplaceAlways:
		return nil
	}
	return fmt.Errorf("replace %q is unknown; want never, skip or always", replace)
}

// Counts are the numbers of users of each kind.
type Counts struct {
	// Unknown users had no record before. Known users had one without a factor.
	Unknown int `json:"unknown"`
	Known   int `json:"known"`
	// Same users already have the file's authenticator, and are not changed.
	Same int `json:"same"`
	// Replaced and Skipped users had another one; see ReplaceAlways and ReplaceSkip.
	Replaced int `json:"replaced"`
	Skipped  int `json:"skipped"`
	// Failed users set up another one while the import ran, and were not changed.
	Failed int `json:"failed"`
}

// Done returns the number of users who were handled.
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
	// Event is the template of the event that is recorded for every user; kind, time, user
	// and factor are filled in.
	Event store.Event
	// Ended is called with clearances that an import ended in the store. It must end them
	// in memory. It may be nil, and is called by several goroutines.
	Ended func(ids ...store.VisitID)
	// Changed is called for each user who got an authenticator. It must close connections
	// that were opened while the user owed no code. It may be nil, and is called by several
	// goroutines.
	Changed func(user store.UserKey)
	// Progress is called, at most once a second, with the number of users handled.
	Progress func(done int)

	told time.Time
}

// Check returns what an import would do, and changes nothing in the store. Under
// ReplaceNever it adds each user who has another authenticator to the file's problems.
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
			f.refuse(Problem{Line: item.Line, User: item.User, Field: fieldUser, Text: "has another authenticator already; replace skip leaves such users unchanged, replace always replaces their authenticators"})
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

// checkStrange warns if the realm has users, but none of those in the file: the file's ids
// are then probably not the ones that whoami gives.
func (i *Importer) checkStrange(ctx context.Context, f *File) error {
	page, err := i.Store.Users(ctx, store.UserQuery{Realm: i.Realm, Limit: 1})
	if err != nil {
		return fmt.Errorf("looking for known users: %w", err)
	}
	if len(page.Users) > 0 {
		f.warn(Problem{Field: fieldUser, Text: fmt.Sprintf("none of these users was ever seen in this realm, but others were: are they ids as whoami returns them, such as %q?", page.Users[0].Key.ID)})
	}
	return nil
}

func (i *Importer) tell(done int) {
	if now := time.Now(); i.Progress != nil && now.Sub(i.told) >= time.Second {
		i.told = now
		i.Progress(done)
	}
}

// writers is the number of concurrent writers. The store syncs concurrent writes together,
// so more of them are faster; too many would delay sign-ins meanwhile.
const writers = 16

// Run imports a file that has no problems, each user in a transaction. An error stops it:
// some users are then imported, as the counts say, and running it again imports the others.
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

// note counts a user. It warns of backup codes that were left out, if Check has not warned of
// the same number before.
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
