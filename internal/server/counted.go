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

// noted counts err, and returns it.
func (c counted) noted(operation string, err error) error {
	missing := errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrSpent)
	cancelled := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) && operation != meter.Check
	if err != nil && !missing && !cancelled {
		c.meter.Failed(operation)
	}
	return err
}

// User implements store.Store.
func (c counted) User(ctx context.Context, key store.UserKey) (store.User, error) {
	u, err := c.Store.User(ctx, key)
	return u, c.noted(meter.Read, err)
}

// Users implements store.Store.
func (c counted) Users(ctx context.Context, q store.UserQuery) (store.UserPage, error) {
	p, err := c.Store.Users(ctx, q)
	return p, c.noted(meter.Read, err)
}

// Visit implements store.Store.
func (c counted) Visit(ctx context.Context, realm string, id store.VisitID) (store.Visit, error) {
	v, err := c.Store.Visit(ctx, realm, id)
	return v, c.noted(meter.Read, err)
}

// Visits implements store.Store.
func (c counted) Visits(ctx context.Context, key store.UserKey) ([]store.Visit, error) {
	v, err := c.Store.Visits(ctx, key)
	return v, c.noted(meter.Read, err)
}

// Update implements store.Store.
func (c counted) Update(ctx context.Context, key store.UserKey, fn func(store.Tx) error) error {
	var refused error
	err := c.Store.Update(ctx, key, func(tx store.Tx) error {
		refused = fn(countedTx{tx, c})
		return refused
	})
	if refused != nil {
		return err
	}
	return c.noted(meter.Write, err)
}

// Touch implements store.Store.
func (c counted) Touch(ctx context.Context, realm string, seen map[store.VisitID]time.Time) error {
	return c.noted(meter.Write, c.Store.Touch(ctx, realm, seen))
}

// Check implements store.Store.
func (c counted) Check(ctx context.Context) error {
	return c.noted(meter.Check, c.Store.Check(ctx))
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
	return u, t.c.noted(meter.Read, err)
}

// PutUser implements store.Tx.
func (t countedTx) PutUser(u store.User) error {
	return t.c.noted(meter.Write, t.Tx.PutUser(u))
}

// Visit implements store.Tx.
func (t countedTx) Visit(id store.VisitID) (store.Visit, error) {
	v, err := t.Tx.Visit(id)
	return v, t.c.noted(meter.Read, err)
}

// PutVisit implements store.Tx.
func (t countedTx) PutVisit(v store.Visit) error {
	return t.c.noted(meter.Write, t.Tx.PutVisit(v))
}
