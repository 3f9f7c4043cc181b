// Package audit owns the audit log: one chain of all security events of a store, in
// which each entry's hash covers the entry before.
//
// Its one invariant: the chain only grows at its end, by one goroutine, and what was
// recorded with a change is in it or still pending, whatever crashes. So an entry that
// is altered, put in or taken out breaks the chain, and a tail that is cut off does not
// hold against a head that was written to the log.
package audit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// Store is what a Log needs of the store.
type Store interface {
	Settle(ctx context.Context, limit int, fn func(last store.Entry, pending [][]byte) (store.Settled, error)) (int, error)
	LastEntry(ctx context.Context) (store.Entry, error)
	BaseEntry(ctx context.Context) (store.Entry, error)
	Entries(ctx context.Context, q store.EntryQuery) (store.EntryPage, error)
	PruneEntries(ctx context.Context, before time.Time, limit int) (int, error)
}

const (
	// batch is how many events one transaction settles.
	batch = 200
	// settleEvery is how long an event is pending at most while the store works.
	settleEvery = time.Second
	// headEvery is how often the chain's head is written to the log.
	headEvery = time.Minute
)

// Log moves pending events into the chain and writes them to the server's log.
type Log struct {
	store Store
	log   *zap.Logger
	told  store.Entry
}

// New returns the log of a store. What it does is in Run.
func New(st Store, log *zap.Logger) *Log { return &Log{store: st, log: log.Named("audit")} }

// Run settles events until ctx ends, and once more then.
func (l *Log) Run(ctx context.Context) {
	settle, head := time.NewTicker(settleEvery), time.NewTicker(headEvery)
	defer settle.Stop()
	defer head.Stop()
	l.tellHead(ctx)
	for {
		select {
		case <-ctx.Done():
			end := context.WithoutCancel(ctx)
			l.settle(end)
			l.tellHead(end)
			return
		case <-settle.C:
			l.settle(ctx)
		case <-head.C:
			l.tellHead(ctx)
		}
	}
}

// settle moves all that is pending.
func (l *Log) settle(ctx context.Context) {
	for {
		var entries []store.Entry
		n, err := l.store.Settle(ctx, batch, func(last store.Entry, pending [][]byte) (store.Settled, error) {
			var err error
			entries, err = Chain(last, pending)
			return store.Settled{Entries: entries}, err
		})
		if err != nil {
			if ctx.Err() == nil {
				l.log.Error("events could not be moved into the audit log; they stay pending", zap.Error(err))
			}
			return
		}
		if n == 0 {
			return
		}
		for i := range entries {
			l.tell(&entries[i])
		}
	}
}

// Chain makes the entries that follow last.
func Chain(last store.Entry, pending [][]byte) ([]store.Entry, error) {
	entries := make([]store.Entry, 0, len(pending))
	for _, raw := range pending {
		event, err := store.UnmarshalEvent(raw)
		if err != nil {
			return nil, fmt.Errorf("reading a pending event: %w", err)
		}
		e := store.Entry{Seq: last.Seq + 1, Prev: last.Hash, Raw: raw, Event: event}
		e.Hash = Hash(e)
		entries, last = append(entries, e), e
	}
	return entries, nil
}

// Hash is SHA-256 over the hash of the entry before (32 bytes), the number (8 bytes,
// big-endian) and the event's JSON as it stands.
func Hash(e store.Entry) [32]byte {
	in := make([]byte, 0, len(e.Prev)+8+len(e.Raw))
	in = append(in, e.Prev[:]...)
	in = binary.BigEndian.AppendUint64(in, e.Seq)
	return sha256.Sum256(append(in, e.Raw...))
}

// tell writes an entry to the log.
func (l *Log) tell(e *store.Entry) {
	v := e.Event
	fields := []zap.Field{zap.String("event", v.Kind), zap.Uint64("seq", e.Seq), zap.Time("at", v.At)}
	for _, f := range []struct{ name, value string }{
		{"client_ip", v.Address}, {"realm", v.Realm}, {"user_id", v.User}, {"factor", v.Factor},
		{"staff", v.Staff}, {"reason", v.Reason}, {"user_agent", v.Agent},
	} {
		if f.value != "" {
			fields = append(fields, zap.String(f.name, f.value))
		}
	}
	if len(v.Detail) > 0 {
		fields = append(fields, zap.Any("detail", v.Detail))
	}
	l.log.Info("security event", fields...)
}

// tellHead writes the head to the log, when it changed.
func (l *Log) tellHead(ctx context.Context) {
	head, err := l.store.LastEntry(ctx)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		l.log.Error("the head of the audit log can't be read", zap.Error(err))
	case head.Seq != l.told.Seq || head.Hash != l.told.Hash:
		l.log.Info("audit log head", zap.Uint64("seq", head.Seq), zap.String("hash", hex.EncodeToString(head.Hash[:])))
		l.told = head
	}
}
