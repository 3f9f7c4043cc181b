package records

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/kv"
)

// rule is what a restore does with a kind of record.
type rule int

const (
	refuse   rule = iota // a kind that this version does not know
	copied               // as it is
	amended              // users
	deadOnly             // visits: revoked tokens stay revoked, clearances end
	dropped              // ends, or is made anew
)

// rules has every kind; TestRules_AllKinds sees to it.
var rules = map[byte]rule{
	kindUser:       amended,
	kindVisit:      deadOnly,
	kindSpent:      copied,
	kindDay:        copied,
	kindMeta:       copied,
	kindPending:    copied,
	kindEntry:      copied,
	kindByUser:     copied,
	kindByName:     dropped, // index entries are made with their users
	kindByID:       dropped,
	kindByEmail:    dropped,
	kindByEnabled:  dropped,
	kindByUsed:     dropped,
	kindClearances: dropped,
	kindCheck:      dropped,
	kindMail:       dropped, // they may have been sent, and are about events that the restore undoes
	kindDue:        dropped,
	kindLedger:     copied,
	kindMailCode:   dropped, // it may have been used
}

// loading is one restore.
type loading struct {
	db    *DB
	amend func(u *store.User)
	write func(r kv.Record) error
	done  store.Loaded
}

// Load fills an empty store with the records of a backup that next returns until io.EOF, after
// amend has changed each user. It drops what must not come back: clearances, queued mails, and
// index entries, which it makes anew.
func (d *DB) Load(ctx context.Context, next func() (store.Raw, error), amend func(u *store.User)) (store.Loaded, error) {
	l := loading{db: d, amend: amend}
	err := d.engine.Load(ctx, func(put func(r kv.Record) error) error {
		l.write = put
		for {
			if err := ctx.Err(); err != nil {
				return err
			}
			r, err := next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err == nil {
				err = l.record(r)
			}
			if err != nil {
				return err
			}
		}
	})
	return l.done, err
}

func (l *loading) record(r store.Raw) error {
	if len(r.Key) == 0 {
		return errors.New("the backup has a record without a key")
	}
	switch rules[r.Key[0]] {
	case copied:
		return l.put(r)
	case amended:
		return l.user(r)
	case deadOnly:
		return l.visit(r)
	case dropped:
		return nil
	}
	return fmt.Errorf("the backup has records of a kind (%q) that this version of Secondgate does not know: restore it with the version that made it, or a newer one", r.Key[0])
}

// user writes a user with fresh index entries. A record that can't be read stays as
// it is: without it a second factor would be off; with it that user is refused.
func (l *loading) user(r store.Raw) error {
	u, err := userForm.decode(r.Key, r.Value)
	if errors.Is(err, errVersion) {
		return fmt.Errorf("the backup was made by a newer version of Secondgate: restore it with that one")
	}
	if err == nil && string(userKey(u.Key)) != string(r.Key) {
		err = errors.New("holds another user")
	}
	if err != nil {
		l.done.Damaged++
		l.db.log.Error("a user in the backup can't be read; this user is refused", zap.ByteString("key", r.Key), zap.Error(err))
		return l.put(r)
	}
	l.amend(&u)
	l.done.Users++
	for _, r := range OfUser(&u) {
		if err := l.put(r); err != nil {
			return err
		}
	}
	return nil
}

// OfUser returns the records of a user: their own and index entries.
func OfUser(u *store.User) []kv.Record {
	key := userKey(u.Key)
	all := []kv.Record{{Key: key, Value: userForm.encode(key, u)}}
	for _, entry := range indexEntries(u) {
		all = append(all, kv.Record{Key: entry})
	}
	return all
}

func (l *loading) visit(r store.Raw) error {
	v, err := visitForm.decode(r.Key, r.Value)
	if errors.Is(err, errVersion) {
		return fmt.Errorf("the backup was made by a newer version of Secondgate: restore it with that one")
	}
	if err == nil && v.Revoked() {
		return l.put(r)
	}
	l.done.Ended++
	return nil
}

// put writes a record unless an engine may have forgotten it by now. It takes over r's memory.
func (l *loading) put(r store.Raw) error {
	if !r.Expires.IsZero() && !r.Expires.After(time.Now()) {
		return nil
	}
	return l.write(r)
}
