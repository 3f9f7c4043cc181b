package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/caddyplugin/storage"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/rotation"
	"github.com/secondgate/secondgate/internal/server"
	"github.com/secondgate/secondgate/internal/store"
)

// condition describes the store that a configuration names. It is found by reading a copy of
// the store's files; the store is not changed. The commands init and accept-loss use it.
type condition struct {
	// there is true if there is a store, held if a running server has it open.
	there, held bool
	// activated is the number of users with a second factor for each realm, entries the number
	// of entries in the audit log.
	activated map[string]int
	entries   uint64
	// unsigned is true if the master keys can't be read: then the signature of the store's
	// witness was not verified.
	unsigned bool
}

// errUnknown is returned if the storage engine can't report the condition of a store.
var errUnknown = errors.New("the storage engine can't be examined")

// condition examines the store. The error says why the server would refuse to start with it,
// or why that can't be determined.
func (s *namedStore) condition(ctx context.Context) (c condition, err error) {
	engine, examines := s.storage.(storage.Examiner)
	existing, tells := s.storage.(server.Existing)
	if !examines || !tells {
		return c, errUnknown
	}
	if c.there, err = existing.Exists(); err != nil || !c.there {
		return c, err
	}
	examined, err := engine.Examine(ctx, zap.NewNop(), func(st store.Store) error { return s.compare(ctx, st, &c) })
	switch {
	case errors.Is(err, store.ErrLocked):
		c.held = true
		return c, nil
	case err != nil:
		return c, err
	}
	return c, examined.Damage
}

// compare fills in c from st, an open copy of the store, and compares st with the master keys
// and the witness.
func (s *namedStore) compare(ctx context.Context, st store.Store, c *condition) (err error) {
	if c.activated, err = countRecords(ctx, st); err != nil {
		return err
	}
	last, err := st.LastEntry(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("reading the audit log: %w", err)
	}
	c.entries = last.Seq
	ring, err := s.existingKeys()
	if c.unsigned = err != nil; !c.unsigned {
		keeper := rotation.New(st, zap.NewNop(), clock.Now)
		defer keeper.Close()
		if err := keeper.Fits(ctx, ring); err != nil {
			return fmt.Errorf("the master keys: %w", err)
		}
	}
	return (&doctor{out: io.Discard, named: s}).judge(ctx, st, ring, c.activated)
}

// String describes what the store holds, for messages.
func (c condition) String() string {
	var realms []string
	for _, name := range slices.Sorted(maps.Keys(c.activated)) {
		realms = append(realms, fmt.Sprintf("%d activated users in realm %q", c.activated[name], name))
	}
	if len(realms) == 0 {
		realms = []string{"no activated users"}
	}
	return fmt.Sprintf("%s, %d entries of the audit log", strings.Join(realms, ", "), c.entries)
}

// outlook says, for a message, whether the server starts with a store that passed the checks.
func (c condition) outlook() string {
	if c.unsigned {
		return "the master keys can't be read here, so that neither they nor the signature of the store's witness were verified"
	}
	return "the server starts with it"
}
