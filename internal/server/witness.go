package server

import (
	"context"
	"fmt"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/backup"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/witness"
)

// witnesses has the witnesses in Caddy's storage that a configuration compares its store with.
// The methods are called in this order:
//
//  1. readWitnesses.
//  2. mayCreate, before the store is opened.
//  3. find and judge, before anything is written to the store.
//  4. voidUsed, which acts only if the operator accepted a loss.
//  5. answerFor, for each site.
//  6. follow, after the start.
type witnesses struct {
	storage witness.Storage
	// order is the operator's order for this start (accept-loss or init); nil for none.
	order *witness.Order
	// all are the witnesses in Caddy's storage. known are those of them that the store must
	// agree with: without those that an accepted loss names.
	all, known witness.Known
	// found describes the store.
	found witness.Found
	// last is the store's own witness; nil if there is none or a restore has made it obsolete.
	last *witness.Witness
	// counts is the number of activated users of each of the configuration's realms.
	counts map[string]int
}

// readWitnesses reads the witnesses and the order. If Caddy's storage can't be read, it is not
// known whether a store was lost, and the configuration is refused.
func readWitnesses(ctx context.Context, s Settings, place string) (*witnesses, error) {
	w := &witnesses{storage: s.Witness, counts: make(map[string]int)}
	if s.Scratch != nil { // a validation has no witness
		w.found = witness.Found{Place: place, Empty: true}
		return w, nil
	}
	flushWitnesses(s.Pool)
	known, err := witness.Load(ctx, w.storage)
	if err == nil {
		w.order, err = witness.Ordered(ctx, w.storage, place, clock.Now())
	}
	if err != nil {
		return nil, fmt.Errorf("whether this is the right store can't be known, because its witness in Caddy's storage can't be read: make that storage readable for the server's user: %w", err)
	}
	w.all, w.known = known, w.order.Apply(known)
	w.found = witness.Found{Place: place, Empty: true, Ordered: w.order != nil, Flags: s.WitnessFlags}
	return w, nil
}

// flushWitnesses writes the witnesses of all open stores of this process, so that a reload is
// compared with their current state.
func flushWitnesses(open Pool) {
	for _, e := range open.All() {
		e.flushAudit()
		e.witness.Flush(e.life)
	}
}

// mayCreate returns an error if there is no store and one is expected: opening would create an
// empty one, and all users would get in by password alone.
func (w *witnesses) mayCreate(storage Storage) error {
	s, ok := storage.(Existing)
	if !ok {
		return nil
	}
	if there, err := s.Exists(); there || err != nil {
		return err
	}
	w.found.Expected = Expected(storage)
	return witness.Judge(w.known, w.found)
}

// find sets w.found from the open store. It returns an error if the store is empty and another
// one is expected.
func (w *witnesses) find(ctx context.Context, e *Engine) error {
	sealed, err := e.keeper.Sealed(ctx)
	if err != nil {
		return err
	}
	found, err := witness.Find(ctx, e.store, w.found.Place, sealed, w.all)
	if err != nil {
		return err
	}
	found.Ordered, found.Expected, found.Flags = w.found.Ordered, w.found.Expected, w.found.Flags
	w.found = found
	if found.Empty {
		return witness.Judge(w.known, found)
	}
	return nil
}

// judge verifies the witnesses' signatures and compares the store with its witness.
func (w *witnesses) judge(ring *keys.Ring) error {
	w.all.Verify(ring)
	w.known = w.order.Apply(w.all)
	if err := witness.Judge(w.known, w.found); err != nil {
		return err
	}
	if last := w.known.Of(w.found.Store); last != nil && !last.RestoredSince(w.found) {
		w.last = last
	}
	return nil
}

// voidUsed voids all codes and sessions that may have been used since, if the store is or may
// be an older copy; the command restore does the same with a backup. It acts only after an
// accepted loss (see doubtful), and only while no configuration serves with the store.
func (w *witnesses) voidUsed(ctx context.Context, e *Engine, log *zap.Logger) error {
	if !w.doubtful() || e.current() != nil {
		return nil
	}
	now := clock.Now().UTC()
	log.Warn("the store may be an older copy: all sessions are ended, and codes that may have been used since are made void", zap.String("place", w.found.Place))
	users, err := backup.Void(ctx, e.store, w.order.At, now)
	if err != nil {
		return fmt.Errorf("making void what may have been used since an older copy of the store: %w", err)
	}
	w.found.Restored = now
	log.Info("sessions are ended, and codes that may have been used are void", zap.Int("users", users), zap.Duration("took", clock.Now().Sub(now)))
	return nil
}

// doubtful reports whether the store may be an older copy: a loss was accepted, and the store's
// own witness does not confirm that the store is up to date.
func (w *witnesses) doubtful() bool {
	if w.order == nil || w.order.Kind != witness.OrderLoss || w.found.Empty || w.found.Restored.After(w.order.At) {
		return false
	}
	own := w.all.Of(w.found.Store)
	return own == nil || witness.Judge(witness.Known{*own}, w.found) != nil
}

// answerFor returns an error if the store must not be used for a realm, because users with a
// second factor are missing or another store is known for the realm. Users are counted only for
// the first configuration that uses the store; later ones take the number from the witness.
func (w *witnesses) answerFor(ctx context.Context, e *Engine, realm string) error {
	if _, done := w.counts[realm]; done {
		return nil
	}
	u := witness.Users{Realm: realm}
	if e.current() == nil || w.last == nil {
		n, err := e.store.CountUsers(ctx, realm)
		if err != nil {
			return fmt.Errorf("counting the users of realm %q: %w", realm, err)
		}
		u.Activated = n.Activated
		if w.last != nil && u.Missing(w.last) > 0 {
			explained, err := witness.Explained(ctx, e.store, w.last.Counted)
			if err != nil {
				return err
			}
			u.Explained = explained[realm]
		}
	} else {
		u.Activated = w.last.Activated[realm]
	}
	if err := witness.JudgeRealm(w.known, w.found, u); err != nil {
		return err
	}
	w.counts[realm] = u.Activated
	return nil
}

// follow starts to renew the store's witness, and carries out the operator's order: it records
// an accepted loss in the audit log and removes the order. Server.Started calls it.
func (w *witnesses) follow(s *Server) error {
	ctx, e := s.engine.life, s.engine
	if w.order != nil && w.order.Kind == witness.OrderLoss {
		if err := e.store.Record(ctx, w.accepted()); err != nil {
			return fmt.Errorf("recording that the loss of a store was accepted: %w", err)
		}
		s.Logger.Warn("the loss of a store was accepted", zap.String("staff", w.order.Staff), zap.String("reason", w.order.Reason), zap.Strings("expected", w.order.Expected))
	}
	if err := e.witness.Use(ctx, w.storage, s.ring, s.place, w.last, w.counts); err != nil {
		return fmt.Errorf("reading what the store's witness is to say: %w", err)
	}
	w.logFirst(s)
	if w.order == nil {
		return nil
	}
	return w.order.Follow(ctx, w.storage, e.witness.State().Store)
}

func (w *witnesses) accepted() store.Event {
	detail := map[string]string{"stores": w.order.Short(), "found": w.found.Store, "ordered": w.order.At.UTC().Format("2006-01-02T15:04:05Z")}
	if w.found.Restored.After(w.order.At) { // voidUsed ran, now or in an earlier start that failed
		detail["backup_codes"] = "void"
	}
	return store.Event{At: clock.Now(), Kind: store.EventLossAccepted, Staff: w.order.Staff, Reason: w.order.Reason, Detail: detail}
}

// logFirst logs if this store gets its first witness.
func (w *witnesses) logFirst(s *Server) {
	if w.known.Of(w.found.Store) != nil {
		return
	}
	users := 0
	for _, n := range w.counts {
		users += n
	}
	message := "a new store was made; its witness is in Caddy's storage"
	if !w.found.Empty {
		message = "the store had no witness; it is adopted as it is, and its witness is in Caddy's storage"
	}
	s.Logger.Info(message, zap.String("store", s.engine.witness.State().Store), zap.String("place", s.place),
		zap.Uint64("audit_entries", w.found.Head.Seq), zap.Int("activated_users", users))
}

// WitnessStatus is the state of the store's witness.
type WitnessStatus struct {
	// Entry is the number of the newest audit log entry in the witness, Written the time at
	// which the witness was written.
	Entry   uint64 `json:"entry"`
	Written string `json:"written,omitempty"`
	// Problem is why the witness could not be renewed; "" if it was.
	Problem string `json:"problem,omitempty"`
}

func (e *Engine) witnessStatus() WitnessStatus {
	s := e.witness.State()
	out := WitnessStatus{Entry: s.Head.Seq}
	if !s.Written.IsZero() {
		out.Written = s.Written.UTC().Format("2006-01-02T15:04:05Z")
	}
	if s.Err != nil {
		out.Problem = s.Err.Error()
	}
	return out
}

func (s WitnessStatus) String() string {
	switch {
	case s.Problem != "" && s.Written == "":
		return "NOT WRITTEN: " + s.Problem
	case s.Problem != "":
		return fmt.Sprintf("NOT RENEWED since %s (entry %d): %s", s.Written, s.Entry, s.Problem)
	}
	return "entry " + strconv.FormatUint(s.Entry, 10) + " of the audit log, in Caddy's storage since " + s.Written
}

// collectWitness sends the state of the witness as metrics.
func (e *Engine) collectWitness(out chan<- prometheus.Metric, realms []string) {
	s := e.witness.State()
	gauge(out, witnessDesc, number(s.Err == nil && !s.Written.IsZero()))
	for _, realm := range realms {
		gauge(out, missingDesc, float64(s.Missing[realm]), realm)
	}
}

// missing returns an error for the readiness checks if users with a second factor are missing
// from the store.
func (e *Engine) missing() error {
	for realm, n := range e.witness.State().Missing {
		return fmt.Errorf("%d users with a second factor are missing in realm %q, and the audit log does not explain it: restore a backup, or accept the loss with `secondgate accept-loss`", n, realm)
	}
	return nil
}

// contested returns an error for the readiness checks if another server uses a copy of the
// store, or another store for one of its realms.
func (e *Engine) contested() error { return e.witness.State().Contested }
