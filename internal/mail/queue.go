package mail

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// Store is what a Queue needs of the store.
type Store interface {
	DueMails(ctx context.Context, until time.Time, limit int) ([]store.Mail, error)
	UpdateMail(ctx context.Context, id string, fn func(m *store.Mail) (keep bool, err error)) error
	CountMails(ctx context.Context) (int, error)
	Update(ctx context.Context, key store.UserKey, fn func(tx store.Tx) error) error
}

// Setup is what mails are sent with, as the settings say now.
type Setup struct {
	Server Server
	// Write puts a mail into words. It returns ErrUnwritable where that will never do;
	// after any other error the mail waits.
	Write func(ctx context.Context, m store.Mail) (Letter, error)
	// Log is the running configuration's.
	Log *zap.Logger
}

// ErrUnwritable says that a mail can never be written.
var ErrUnwritable = errors.New("the mail can't be written")

const (
	// lookEvery is how often the queue is looked at when nothing wakes it.
	lookEvery = 2 * time.Second
	// batch is how many mails go over one connection.
	batch = 50
	// restart is how many mails are tried at once after a start, due or not.
	restart = 1000
	// firstWait is how long a mail waits after its first failure; each further one
	// doubles it, up to longestWait.
	firstWait   = time.Minute
	longestWait = time.Hour
	// shortestPause and longestPause bound for how long a server that fails is left alone.
	shortestPause = 5 * time.Second
	longestPause  = 5 * time.Minute
	// tellEvery is how often a server that fails is told of.
	tellEvery = 10 * time.Minute
)

// Queue sends what waits in the store.
type Queue struct {
	store Store
	setup func() *Setup
	clock func() time.Time
	wake  chan struct{}

	// log is the present pass's.
	log *zap.Logger
	// of the server: which it is, for how long and until when it is left alone, and when
	// that was told.
	server          Server
	pause           time.Duration
	until, lastTold time.Time
}

// NewQueue returns the queue of a store. setup is asked whenever mails are sent, as
// configurations are replaced; while none names a mail server it returns nil, and
// nothing is sent.
func NewQueue(st Store, setup func() *Setup, clock func() time.Time) *Queue {
	return &Queue{store: st, setup: setup, clock: clock, wake: make(chan struct{}, 1)}
}

// Wake has the queue looked at now: a mail was queued that a user waits for.
func (q *Queue) Wake() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Run sends mails until ctx ends. What a crash left claimed or waiting is tried first.
func (q *Queue) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	begun := false
	for {
		if setup := q.setup(); setup != nil {
			until, limit := q.clock(), batch
			if !begun {
				until, limit = until.Add(longestWait), restart
			}
			begun = true
			q.pass(ctx, setup, until, limit)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-q.wake:
		}
	}
}

// pass tries the mails that are due until some time.
func (q *Queue) pass(ctx context.Context, setup *Setup, until time.Time, limit int) {
	q.log = setup.Log
	if q.server != setup.Server { // what failed was another
		q.server, q.pause, q.until, q.lastTold = setup.Server, 0, time.Time{}, time.Time{}
	}
	if q.clock().Before(q.until) {
		return
	}
	mails, err := q.store.DueMails(ctx, until, limit)
	if err != nil {
		q.storeFailed(ctx, err)
		return
	}
	var c *connection
	defer func() {
		if c != nil {
			c.close()
		}
	}()
	for i := range mails {
		m := &mails[i]
		if !q.clock().Before(m.Ends) {
			q.end(ctx, m, "it could not be sent in time")
			continue
		}
		if c == nil {
			if c, err = setup.Server.connect(ctx); err != nil {
				q.serverFailed(ctx, setup, err)
				return
			}
		}
		if err := q.deliver(ctx, setup, c, m); err != nil {
			q.serverFailed(ctx, setup, err)
			return
		}
	}
	if c != nil {
		q.serverWorks(setup)
	}
}

var errTaken = errors.New("another took the mail")

// claim counts a try and puts the next one off, before anything is sent.
func (q *Queue) claim(ctx context.Context, m *store.Mail) error {
	return q.store.UpdateMail(ctx, m.ID, func(now *store.Mail) (bool, error) {
		if !now.Due.Equal(m.Due) {
			return true, errTaken
		}
		now.Due = q.clock().Add(wait(now.Tries)).UTC()
		now.Tries++
		return true, nil
	})
}

// wait is how long a mail waits after that many tries and another one.
func wait(tries int) time.Duration {
	return min(firstWait<<min(max(tries, 0), 10), longestWait)
}

// deliver claims a mail and sends it. Its error is about the server.
func (q *Queue) deliver(ctx context.Context, setup *Setup, c *connection, m *store.Mail) error {
	if err := q.claim(ctx, m); err != nil {
		if !errors.Is(err, errTaken) && !errors.Is(err, store.ErrNotFound) {
			q.storeFailed(ctx, err)
		}
		return nil
	}
	letter, err := setup.Write(ctx, *m)
	switch {
	case errors.Is(err, ErrUnwritable):
		q.end(ctx, m, err.Error())
		return nil
	case err != nil:
		q.log.Error("a mail can't be written now", append(about(m), zap.Error(err))...)
		return nil
	}
	err = c.send(&letter)
	switch {
	case err == nil:
		q.log.Info("mail sent", about(m)...)
		q.remove(ctx, m)
	case errors.Is(err, ErrRefused):
		q.end(ctx, m, oneLine(err.Error()))
	case errors.Is(err, ErrLater):
		q.log.Warn("mail is tried again later", append(about(m), zap.Int("tries", m.Tries+1), zap.String("reason", oneLine(err.Error())))...)
	default:
		return err
	}
	return nil
}

// remove takes a mail out of the queue. If that fails it is sent again, with the same
// Message-ID.
func (q *Queue) remove(ctx context.Context, m *store.Mail) {
	err := q.store.UpdateMail(context.WithoutCancel(ctx), m.ID, func(*store.Mail) (bool, error) { return false, nil })
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		q.storeFailed(ctx, err)
	}
}

// end gives a mail up. Who waits for a code learns that it does not come.
func (q *Queue) end(ctx context.Context, m *store.Mail, why string) {
	q.log.Error("mail given up", append(about(m), zap.Int("tries", m.Tries), zap.String("reason", why))...)
	if m.Kind == store.MailEnrolCode {
		if err := q.codeFailed(ctx, m); err != nil {
			q.storeFailed(ctx, err)
			return // tried again, and ended again
		}
	}
	q.remove(ctx, m)
}

// codeFailed notes on a code that its mail does not come, and records it.
func (q *Queue) codeFailed(ctx context.Context, m *store.Mail) error {
	return q.store.Update(ctx, m.Key(), func(tx store.Tx) error {
		code, err := tx.MailCode()
		switch {
		case err == nil && code.Mail == m.ID && !code.Failed:
			code.Failed = true
			if err := tx.PutMailCode(code, q.clock().Add(longestWait)); err != nil {
				return err
			}
		case err == nil && code.Mail == m.ID:
			return nil
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return err
		}
		return tx.Record(store.Event{At: q.clock().UTC(), Kind: store.EventEnrolMailFailed, Realm: m.Realm, User: m.User, Address: m.Address, Agent: m.Agent})
	})
}

func (q *Queue) storeFailed(ctx context.Context, err error) {
	if ctx.Err() == nil && !errors.Is(err, store.ErrClosed) {
		q.log.Error("the queue of mails could not be changed", zap.Error(err))
	}
}

// serverFailed leaves the server alone for a while, which grows; the mails wait.
func (q *Queue) serverFailed(ctx context.Context, setup *Setup, err error) {
	if ctx.Err() != nil {
		return
	}
	now := q.clock()
	q.pause = min(max(2*q.pause, shortestPause), longestPause)
	q.until = now.Add(q.pause)
	if !q.lastTold.IsZero() && now.Sub(q.lastTold) < tellEvery {
		return
	}
	q.lastTold = now
	waiting, _ := q.store.CountMails(ctx)
	q.log.Error("the mail server takes no mails; they wait and are tried again", zap.Stringer("server", &setup.Server),
		zap.Int("waiting", waiting), zap.String("reason", oneLine(err.Error())))
}

func (q *Queue) serverWorks(setup *Setup) {
	if !q.lastTold.IsZero() {
		q.log.Info("the mail server takes mails again", zap.Stringer("server", &setup.Server))
	}
	q.pause, q.until, q.lastTold = 0, time.Time{}, time.Time{}
}

// about describes a mail in the log: its user and kind, neither address nor text.
func about(m *store.Mail) []zap.Field {
	return []zap.Field{zap.String("mail", m.Kind), zap.String("mail_id", m.ID), zap.String("realm", m.Realm), zap.String("user_id", m.User)}
}
