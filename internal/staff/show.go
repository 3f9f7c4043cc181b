package staff

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/secondgate/secondgate/internal/store"
)

// Show returns everything that staff see of the user with exactly this id. An empty realm
// stands for the only one.
func (d *Desk) Show(ctx context.Context, realm, id string) (Details, error) {
	realm, err := d.Realm(realm)
	if err != nil {
		return Details{}, err
	}
	key := store.UserKey{Realm: realm, ID: id}
	u, err := d.user(ctx, key)
	if err != nil {
		return Details{}, err
	}
	all := Details{Account: d.account(&u), Sessions: []Session{}, History: []store.Event{}}
	visits, err := d.Store.Visits(ctx, key)
	if err != nil {
		return Details{}, fmt.Errorf("listing the sessions of %s: %w", name(key), err)
	}
	all.SessionCount = len(visits)
	for _, v := range visits[:min(len(visits), MaxSessions)] {
		all.Sessions = append(all.Sessions, Session{v.Factor, v.At, v.LastSeen, v.Expires, v.Address, v.Agent})
	}
	page, err := d.Store.Entries(ctx, store.EntryQuery{Realm: realm, User: id, Newest: true, Limit: MaxHistory})
	if err != nil {
		return Details{}, fmt.Errorf("reading the history of %s: %w", name(key), err)
	}
	for _, e := range page.Entries {
		all.History = append(all.History, e.Event)
	}
	return all, nil
}

// Find returns the user with exactly this id, or else the only user with a name, id or email
// address that begins with the text. If several match, it returns ErrAmbiguous and names a
// few. It is for looking only: acts need the exact id.
func (d *Desk) Find(ctx context.Context, realm, text string) (Account, error) {
	realm, err := d.Realm(realm)
	if err != nil {
		return Account{}, err
	}
	if text == "" {
		return Account{}, refuse(ErrInput, "a user is missing; want an id, or the beginning of a name, an id or an e-mail address")
	}
	key := store.UserKey{Realm: realm, ID: text}
	u, err := d.Store.User(ctx, key)
	if err == nil {
		return d.account(&u), nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return Account{}, fmt.Errorf("reading %s: %w", name(key), err)
	}
	found, more, err := d.like(ctx, key)
	switch {
	case err != nil:
		return Account{}, err
	case len(found) == 0:
		return Account{}, d.unknown(ctx, key)
	case len(found) > 1 || more:
		return Account{}, refuse(ErrAmbiguous, "several users begin with %q; say which, by the id: %s", text, names(found, more))
	}
	return d.account(&found[0]), nil
}

// user reads the user with exactly this id. If there is none, it returns ErrUnknown and
// names users with a similar one.
func (d *Desk) user(ctx context.Context, key store.UserKey) (store.User, error) {
	u, err := d.Store.User(ctx, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return u, d.unknown(ctx, key)
	case err != nil:
		return u, fmt.Errorf("reading %s: %w", name(key), err)
	}
	return u, nil
}

// unknown returns the ErrUnknown for a user, with the users that like finds.
func (d *Desk) unknown(ctx context.Context, key store.UserKey) error {
	found, more, err := d.like(ctx, key)
	if err != nil || len(found) == 0 {
		return refuse(ErrUnknown, "there is no %s; users are known from their first sign-in through Secondgate on", name(key))
	}
	return refuse(ErrUnknown, "there is no %s; did you mean one of these, by the id: %s", name(key), names(found, more))
}

// candidates is the number of users that an error names.
const candidates = 5

// like finds a few users with a name, id or address that begins with the key's id.
func (d *Desk) like(ctx context.Context, key store.UserKey) (found []store.User, more bool, err error) {
	if key.ID == "" {
		return nil, false, nil
	}
	page, err := d.Store.Users(ctx, store.UserQuery{Realm: key.Realm, Prefix: key.ID, Limit: candidates})
	if err != nil {
		return nil, false, fmt.Errorf("searching for %s: %w", name(key), err)
	}
	return page.Users, page.Next != "", nil
}

func names(users []store.User, more bool) string {
	var all []string
	for _, u := range users {
		all = append(all, fmt.Sprintf("%q (%q)", u.Key.ID, u.Name))
	}
	if more {
		all = append(all, "…")
	}
	return strings.Join(all, ", ")
}

// account returns what staff see of a user's record.
func (d *Desk) account(u *store.User) Account {
	a := Account{
		Realm: u.Key.Realm, ID: u.Key.ID, Name: u.Name, Email: u.Email,
		Activated: u.Activated(), Factors: []string{}, FirstSeen: u.FirstSeen, EnabledAt: u.EnabledAt,
		UsedAt: u.UsedAt(),
	}
	if u.TOTP != nil {
		a.Factors = append(a.Factors, "totp")
	}
	if b := u.Backup; b != nil {
		a.BackupLeft, a.BackupTotal = len(b.Hashes), b.Total
		if a.BackupLeft > 0 {
			a.Factors = append(a.Factors, "backup")
		}
	}
	s := d.factors(u.Key.Realm)
	a.Off, a.LockedUntil = s.Lock(u)
	if r := s.Outstanding(u); r != nil {
		a.Recovery = &Recovery{r.Issued, r.Expires, r.Staff}
	}
	return a
}
