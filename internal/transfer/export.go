package transfer

import (
	"context"
	"fmt"
	"io"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/store"
)

// Exporter exports the users of one realm who have a factor.
type Exporter struct {
	Factors *factor.Service
	Store   store.Store
	Realm   string
}

// Check decrypts every secret and returns the number of users. It is called before Write, so
// that an export does not fail midway because of a secret that does not open.
func (e *Exporter) Check(ctx context.Context) (n int, err error) {
	err = e.each(ctx, func(*factor.Import) error { n++; return nil })
	return n, err
}

// Write writes the users in a format, and returns their number.
func (e *Exporter) Write(ctx context.Context, w io.Writer, format string) (n int, err error) {
	out, err := NewWriter(w, format, e.Realm)
	if err != nil {
		return 0, err
	}
	err = e.each(ctx, func(in *factor.Import) error { n++; return out.Write(in) })
	if err != nil {
		return n, err
	}
	return n, out.Flush()
}

// pageSize is how many users are read at a time.
const pageSize = 500

func (e *Exporter) each(ctx context.Context, fn func(*factor.Import) error) error {
	q := store.UserQuery{Realm: e.Realm, Status: store.Activated, Limit: pageSize}
	for {
		page, err := e.Store.Users(ctx, q)
		if err != nil {
			return fmt.Errorf("listing users: %w", err)
		}
		for i := range page.Users {
			in, err := e.Factors.Open(&page.Users[i])
			if err != nil {
				return fmt.Errorf("opening the authenticator of user %q: %w", page.Users[i].Key.ID, err)
			}
			if err := fn(&in); err != nil {
				return err
			}
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
}
