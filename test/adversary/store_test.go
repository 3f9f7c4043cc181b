package adversary

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// memory is a store.Store without goroutines and timers, which a bubble of synctest can
// hold. It implements what serving requests needs; all else panics, because the embedded
// interface is nil.
type memory struct {
	store.Store
	mu     sync.Mutex
	users  map[store.UserKey]store.User
	visits map[store.VisitID]store.Visit
	spent  map[string]bool
	// grants are the floors of each user's authenticators when clearances were given.
	grants map[string][]int64
	// twice describes the first code that was accepted twice.
	twice string
}

func newMemory(users ...store.User) *memory {
	m := &memory{
		users: make(map[store.UserKey]store.User), visits: make(map[store.VisitID]store.Visit),
		spent: make(map[string]bool), grants: make(map[string][]int64),
	}
	for _, u := range users {
		m.users[u.Key] = u
	}
	return m
}

func (m *memory) User(ctx context.Context, key store.UserKey) (store.User, error) {
	if dead(ctx) {
		return store.User{}, errKilled
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if u, ok := m.users[key]; ok {
		return u, nil
	}
	return store.User{}, store.ErrNotFound
}

func (m *memory) Visit(ctx context.Context, _ string, id store.VisitID) (store.Visit, error) {
	if dead(ctx) {
		return store.Visit{}, errKilled
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.visit(id)
}

func (m *memory) visit(id store.VisitID) (store.Visit, error) {
	v, ok := m.visits[id]
	if !ok || !time.Now().Before(v.Expires) {
		return store.Visit{}, store.ErrNotFound
	}
	return v, nil
}

func (m *memory) Visits(_ context.Context, key store.UserKey) (out []store.Visit, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range m.visits {
		if v, err := m.visit(id); err == nil && v.User == key.ID {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b store.Visit) int { return b.At.Compare(a.At) })
	return out, nil
}

func (m *memory) Touch(_ context.Context, _ string, seen map[store.VisitID]time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, at := range seen {
		if v, ok := m.visits[id]; ok && at.After(v.LastSeen) {
			v.LastSeen = at
			m.visits[id] = v
		}
	}
	return nil
}

func (m *memory) Record(context.Context, ...store.Event) error { return nil }
func (m *memory) Check(context.Context) error                  { return nil }

func (m *memory) Entries(context.Context, store.EntryQuery) (store.EntryPage, error) {
	return store.EntryPage{}, nil
}

func (m *memory) MailCode(context.Context, store.UserKey) (store.MailCode, error) {
	return store.MailCode{}, store.ErrNotFound
}

// Update runs fn on copies, which replace the originals if it returns no error.
func (m *memory) Update(ctx context.Context, key store.UserKey, fn func(store.Tx) error) error {
	if dead(ctx) {
		return errKilled
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &transaction{m: m, key: key, users: maps.Clone(m.users), visits: maps.Clone(m.visits), spent: maps.Clone(m.spent)}
	if err := fn(t); err != nil {
		return err
	}
	m.users, m.visits, m.spent = t.users, t.visits, t.spent
	if t.granted {
		m.grant(m.users[key])
	}
	return nil
}

// grant checks that each clearance cost a newer code than the one before.
func (m *memory) grant(u store.User) {
	if u.TOTP == nil {
		return
	}
	of := u.Key.ID + " " + u.TOTP.ID
	floors := m.grants[of]
	if n := len(floors); n > 0 && u.TOTP.Floor <= floors[n-1] && m.twice == "" {
		m.twice = fmt.Sprintf("step %d of user %s", u.TOTP.Floor, u.Key.ID)
	}
	m.grants[of] = append(floors, u.TOTP.Floor)
}

// changed reports whether a user's authenticator is another one now, or none.
func (m *memory) changed(was store.User) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	is := m.users[was.Key]
	return is.TOTP == nil || is.TOTP.ID != was.TOTP.ID
}

// transaction is a store.Tx over copies of what the memory holds.
type transaction struct {
	store.Tx
	m       *memory
	key     store.UserKey
	users   map[store.UserKey]store.User
	visits  map[store.VisitID]store.Visit
	spent   map[string]bool
	granted bool
}

func (t *transaction) User() (store.User, error) {
	if u, ok := t.users[t.key]; ok {
		return u, nil
	}
	return store.User{}, store.ErrNotFound
}

func (t *transaction) PutUser(u store.User) error {
	u.Failures = maps.Clone(u.Failures)
	t.users[t.key] = u
	return nil
}

func (t *transaction) Visit(id store.VisitID) (store.Visit, error) {
	v, ok := t.visits[id]
	if !ok || !time.Now().Before(v.Expires) {
		return store.Visit{}, store.ErrNotFound
	}
	return v, nil
}

func (t *transaction) PutVisit(v store.Visit) error {
	_, old := t.visits[v.ID]
	t.granted = t.granted || !v.Revoked() && !old
	t.visits[v.ID] = v
	return nil
}

func (t *transaction) DeleteVisit(id store.VisitID) error { delete(t.visits, id); return nil }

func (t *transaction) EndVisits(except ...store.VisitID) (ended []store.VisitID, err error) {
	for id, v := range t.visits {
		if v.User == t.key.ID && !slices.Contains(except, id) {
			delete(t.visits, id)
			ended = append(ended, id)
		}
	}
	return ended, nil
}

func (t *transaction) Spend(name string, _ time.Time) error {
	name = t.key.ID + " " + name
	if t.spent[name] {
		return store.ErrSpent
	}
	t.spent[name] = true
	return nil
}

func (t *transaction) Record(store.Event) error                    { return nil }
func (t *transaction) QueueMail(store.Mail) error                  { return nil }
func (t *transaction) MailCode() (store.MailCode, error)           { return store.MailCode{}, store.ErrNotFound }
func (t *transaction) PutMailCode(store.MailCode, time.Time) error { return nil }

func (m *memory) Meta(context.Context, string) ([]byte, error) { return nil, store.ErrNotFound }
