package badger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	engine "github.com/dgraph-io/badger/v4"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// rule is what becomes of a kind of record when a backup is restored.
type rule int

const (
	refuse   rule = iota // a kind that this version does not know
	copied               // as it is
	amended              // users
	deadOnly             // visits: dead tokens stay dead, clearances end
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
	kindMail:       dropped, // they may have been sent, and tell of what is undone
	kindDue:        dropped,
	kindLedger:     copied,
	kindMailCode:   dropped, // it may have been used
}

// roomEvery is after how many records the free space is looked at: they are far
// smaller together than the reserve (see minFree).
const roomEvery = 1000

// loading is one restore.
type loading struct {
	db    *DB
	amend func(u *store.User)
	batch *engine.WriteBatch
	done  store.Loaded
}

func (l *loading) run(ctx context.Context, next func() (store.Raw, error)) error {
	l.batch = l.db.db.NewWriteBatch()
	defer l.batch.Cancel()
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if n%roomEvery == 0 {
			if err := l.db.room(); err != nil {
				return err
			}
		}
		r, err := next()
		if errors.Is(err, io.EOF) {
			return engineError(l.batch.Flush())
		}
		if err != nil {
			return err
		}
		if err := l.record(r); err != nil {
			return err
		}
	}
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
	u, err := decodeUser(r.Key, r.Value)
	if errors.Is(err, errVersion) {
		return fmt.Errorf("the backup was made by a newer version of Secondgate: restore it with that one")
	}
	if err != nil {
		l.done.Damaged++
		l.db.log.Error("a user in the backup can't be read; this user is refused", zap.ByteString("key", r.Key), zap.Error(err))
		return l.put(r)
	}
	l.amend(&u)
	l.done.Users++
	for _, entry := range indexEntries(&u) {
		if err := l.put(store.Raw{Key: entry}); err != nil {
			return err
		}
	}
	r.Value = encodeUser(r.Key, &u)
	return l.put(r)
}

func (l *loading) visit(r store.Raw) error {
	v, err := decodeVisit(r.Key, r.Value)
	if errors.Is(err, errVersion) {
		return fmt.Errorf("the backup was made by a newer version of Secondgate: restore it with that one")
	}
	if err == nil && v.Dead() {
		return l.put(r)
	}
	l.done.Ended++
	return nil
}

// put takes r's memory over. What Badger may have forgotten by now is left out.
func (l *loading) put(r store.Raw) error {
	e := engine.NewEntry(r.Key, r.Value)
	if !r.Expires.IsZero() {
		if !r.Expires.After(time.Now()) {
			return nil
		}
		e.ExpiresAt = uint64(r.Expires.Unix())
	}
	return engineError(l.batch.SetEntry(e))
}
