package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
)

const realm = "bench"

// fill makes a store with users, clearances and active visits, and returns what the
// browsers of the active visits send as cookies: sealed to the gate, raw to a bare
// server.
func fill(dir string, o options) (sealed, raw []string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	text := keys.Generate()
	if err := os.WriteFile(filepath.Join(dir, "master.key"), []byte(text), 0o600); err != nil {
		return nil, nil, err
	}
	ring, err := keys.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	st, err := badger.Open(filepath.Join(dir, "store"), badger.Options{})
	if err != nil {
		return nil, nil, err
	}
	defer st.Close()
	if err := fillUsers(st, ring, o); err != nil {
		return nil, nil, err
	}
	sealer := portal.NewSealer(ring, realm)
	for i := range o.visits {
		s, r, err := activeVisit(st, sealer, fmt.Sprintf("user%06d", i))
		if err != nil {
			return nil, nil, err
		}
		sealed, raw = append(sealed, s), append(raw, r)
	}
	return sealed, raw, nil
}

func fillUsers(st store.Store, ring *keys.Ring, o options) error {
	var group errgroup.Group
	group.SetLimit(64)
	for i := range o.users {
		group.Go(func() error { return fillUser(st, ring, i, i < o.clearances) })
	}
	return group.Wait()
}

func fillUser(st store.Store, ring *keys.Ring, i int, cleared bool) error {
	id, now := fmt.Sprintf("user%06d", i), time.Now()
	key := store.UserKey{Realm: realm, ID: id}
	return st.Update(context.Background(), key, func(tx store.Tx) error {
		u := store.User{Key: key, Name: id, FirstSeen: now, EnabledAt: now}
		u.TOTP = &store.TOTP{
			ID: id, Secret: ring.Seal([]byte("01234567890123456789"), "totp secret", realm, id),
			Algorithm: "SHA1", Digits: 6, Period: 30, AddedAt: now, UsedAt: now,
		}
		u.Backup = &store.BackupSet{Salt: make([]byte, 16), Total: 10, AddedAt: now}
		for range 10 {
			u.Backup.Hashes = append(u.Backup.Hashes, make([]byte, 32))
		}
		if cleared {
			if err := tx.PutVisit(visitOf(id, session.NewToken(), now)); err != nil {
				return err
			}
		}
		return tx.PutUser(u)
	})
}

func visitOf(user string, token session.Token, now time.Time) store.Visit {
	return store.Visit{
		Realm: realm, ID: token.ID(), User: user, Factor: "totp", At: now, LastSeen: now,
		Expires: now.Add(12 * time.Hour), Address: "127.0.0.1", Agent: "Benchmark",
	}
}

// activeVisit clears one visit and seals three cookies for it.
func activeVisit(st store.Store, sealer *portal.Sealer, user string) (sealed, raw string, err error) {
	token, now := session.NewToken(), time.Now()
	err = st.Update(context.Background(), store.UserKey{Realm: realm, ID: user}, func(tx store.Tx) error {
		return tx.PutVisit(visitOf(user, token, now))
	})
	if err != nil {
		return "", "", err
	}
	names := portal.NamesFor(realm, false)
	w := portal.Writer{Keys: sealer.Keys(site, string(token)), Names: names, Now: now, MaxLife: session.MaxCookieLife}
	pairs := []string{"PHPSESSID=" + user + ".0123456789abcdef0123456789", "remember=" + strings.Repeat("r", 48), "cart=1234567"}
	set, err := portal.Changes([]string{pairs[0] + "; Path=/", pairs[1] + "; Path=/; Max-Age=2592000", pairs[2] + "; Path=/"}, "/", portal.NewCookiePolicy(nil), now)
	if err != nil {
		return "", "", err
	}
	lines, _ := w.Seal(portal.EmptyJar, portal.EmptyJar.Apply(set).Stamped(set, portal.Stamp{User: user}), set)
	sealed = names.Visit + "=" + string(token)
	for _, line := range lines {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			return "", "", err
		}
		sealed += "; " + c.Name + "=" + c.Value
	}
	return sealed, strings.Join(pairs, "; "), nil
}
