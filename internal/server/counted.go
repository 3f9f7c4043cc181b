package server

import (
	"context"
	"errors"
	"time"

	"github.com/secondgate/secondgate/internal/meter"
	"github.com/secondgate/secondgate/internal/store"
)

// counted is a store that counts failed operations for the metrics. The code that serves
// requests uses it. Missing records, cancelled operations, and errors that the function given
// to Update returns are not failures.
type counted struct {
	store.Store
	meter *meter.Store
}

func (c counted) note(operation string, err error) {
	switch {
	case err == nil, errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrSpent),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded) && operation != meter.Check:
	default:
		c.meter.Failed(operation)
	}
}

// User implements store.Store.
func (c counted) User(ctx context.Context, key store.UserKey) (store.User, error) {
	u, err := c.Store.User(ctx, key)
	c.note(meter.Read, err)
	return u, err
}

// Users implements store.Store.
func (c counted) Users(ctx context.Context, q store.UserQuery) (store.UserPage, error) {
	p, err := c.Store.Users(ctx, q)
	c.note(meter.Read, err)
	return p, err
}

// Visit implements store.Store.
func (c counted) Visit(ctx context.Context, realm string, id store.VisitID) (store.Visit, error) {
	v, err := c.Store.Visit(ctx, realm, id)
	c.note(meter.Read, err)
	return v, err
}

// Visits implements store.Store.
func (c counted) Visits(ctx context.Context, key store.UserKey) ([]store.Visit, error) {
	v, err := c.Store.Visits(ctx, key)
	c.note(meter.Read, err)
	return v, err
}

// Update implements store.Store.
func (c counted) Update(ctx context.Context, key store.UserKey, fn func(store.Tx) error) error {
	var refused error
	err := c.Store.Update(ctx, key, func(tx store.Tx) error {
		refused = fn(countedTx{tx, c})
		return refused
	})
	if refused == nil {
		c.note(meter.Write, err)
	}
	return err
}

// Touch implements store.Store.
func (c counted) Touch(ctx context.Context, realm string, seen map[store.VisitID]time.Time) error {
	err := c.Store.Touch(ctx, realm, seen)
	c.note(meter.Write, err)
	return err
}

// Check implements store.Store.
func (c counted) Check(ctx context.Context) error {
	err := c.Store.Check(ctx)
	c.note(meter.Check, err)
	return err
}

// countedTx counts failed operations within a transaction. Update itself can't count them: it
// can't tell them from the function's own refusals.
type countedTx struct {
	store.Tx
	c counted
}

// User implements store.Tx.
func (t countedTx) User() (store.User, error) {
	u, err := t.Tx.User()
	t.c.note(meter.Read, err)
	return u, err
}

// PutUser implements store.Tx.
func (t countedTx) PutUser(u store.User) error {
	err := t.Tx.PutUser(u)
	t.c.note(meter.Write, err)
	return err
}

// Visit implements store.Tx.
func (t countedTx) Visit(id store.VisitID) (store.Visit, error) {
	v, err := t.Tx.Visit(id)
	t.c.note(meter.Read, err)
	return v, err
}

// PutVisit implements store.Tx.
func (t countedTx) PutVisit(v store.Visit) error {
	err := t.Tx.PutVisit(v)
	t.c.note(meter.Write, err)
	return err
}
