package backup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/store"
)

const (
	// voidPage is the number of users, or mails, that are read at once.
	voidPage = 1000
	// voidWorkers is the number of users that are changed concurrently, because the store
	// syncs concurrent writes together.
	voidWorkers = 64
)

// metaVoid is the record with the progress of Void: since, a blank, and the cursor of the
// next page.
const metaVoid = "void"

// Void invalidates everything in an open store that may have been used or revoked after the
// store's last entry, as [Restore] does with the records of a backup. It is called if an
// operator has accepted an older copy of a store's directory (`accept-loss`); since is the
// time of that. Nothing else may use the store. If Void is called again with the same since
// after an error or a crash, it continues where it stopped. It returns the number of users
// that this call has changed.
func Void(ctx context.Context, st store.Store, since, now time.Time) (users int, err error) {
	now = now.UTC()
	after, err := voidedUpTo(ctx, st, since)
	if err != nil {
		return 0, err
	}
	for {
		page, err := st.Everyone(ctx, after, voidPage)
		if err != nil {
			return users, fmt.Errorf("reading users: %w", err)
		}
		if err := voidUsers(ctx, st, page.Users, now); err != nil {
			return users, err
		}
		users += len(page.Users)
		if after = page.Next; after == "" {
			break
		}
		err = st.UpdateMeta(ctx, metaVoid, func([]byte) ([]byte, error) { return []byte(stamp(since) + " " + after), nil })
		if err != nil {
			return users, fmt.Errorf("noting how far it is: %w", err)
		}
	}
	if err := dropMails(ctx, st); err != nil {
		return users, err
	}
	return users, noteRestored(ctx, st, now)
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

// voidedUpTo returns the cursor at which an interrupted Void continues, or "".
func voidedUpTo(ctx context.Context, st store.Store, since time.Time) (string, error) {
	raw, err := st.Meta(ctx, metaVoid)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", fmt.Errorf("reading how far it is: %w", err)
	}
	if at, after, _ := strings.Cut(string(raw), " "); at == stamp(since) {
		return after, nil
	}
	return "", nil
}

func voidUsers(ctx context.Context, st store.Store, users []store.User, now time.Time) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(voidWorkers)
	for i := range users {
		key := users[i].Key
		group.Go(func() error {
			err := st.Update(ctx, key, func(tx store.Tx) error { return voidUser(tx, now) })
			if err != nil {
				return fmt.Errorf("changing a user: %w", err)
			}
			return nil
		})
	}
	return group.Wait()
}

func voidUser(tx store.Tx, now time.Time) error {
	u, err := tx.User()
	if err != nil {
		return err
	}
	if _, err := tx.EndVisits(); err != nil {
		return err
	}
	factor.Restored(&u, now, false)
	return tx.PutUser(u)
}

// dropMails removes all queued mails: they may have been sent already, or tell of changes
// that are no longer in the store.
func dropMails(ctx context.Context, st store.Store) error {
	for {
		mails, err := st.DueMails(ctx, time.Unix(1<<40, 0), voidPage)
		if err != nil {
			return fmt.Errorf("reading mails: %w", err)
		}
		for i := range mails {
			err := st.UpdateMail(ctx, mails[i].ID, func(*store.Mail) (bool, error) { return false, nil })
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("removing a mail: %w", err)
			}
		}
		if len(mails) == 0 {
			return nil
		}
	}
}

// noteRestored stores the time of the restore (store.MetaRestored). What was used between the
// backup and that time is not known to the store.
func noteRestored(ctx context.Context, st store.Store, now time.Time) error {
	err := st.UpdateMeta(ctx, store.MetaRestored, func([]byte) ([]byte, error) {
		return now.AppendFormat(nil, time.RFC3339Nano), nil
	})
	if err != nil {
		return fmt.Errorf("noting when the store was restored: %w", err)
	}
	return nil
}
