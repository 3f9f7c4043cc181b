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

// Setup is the part of the running configuration that the queue needs.
type Setup struct {
	Server Server
	// Write writes the text of a mail. It returns ErrUnwritable if the mail can never be
	// written; after any other error the mail is tried again later.
	Write func(ctx context.Context, m store.Mail) (Letter, error)
	// Log is the running configuration's logger.
	Log *zap.Logger
}

// ErrUnwritable says that a mail can never be written.
var ErrUnwritable = errors.New("the mail can't be written")

const (
	// lookEvery is how often Run reads the store's queue if Wake is not called.
	lookEvery = 2 * time.Second
	// batch is the maximum number of mails over one connection.
	batch = 50
	// restart is the maximum number of mails in the first pass after a start.
	restart = 1000
	// firstWait is how long a mail waits after its first failure; each further one
	// doubles it, up to longestWait.
	firstWait   = time.Minute
	longestWait = time.Hour
	// shortestPause and longestPause bound the pause after a failure of the mail server,
	// which doubles with each further failure.
	shortestPause = 5 * time.Second
	longestPause  = 5 * time.Minute
	// tellEvery is how often a failing mail server is logged.
	tellEvery = 10 * time.Minute
)

// Queue sends the mails that wait in the store.
type Queue struct {
	store Store
	setup func() *Setup
	clock func() time.Time
	wake  chan struct{}

	// log is the logger of the current pass.
	log *zap.Logger
	// The mail server, the length and the end of the pause after its last failure, and the
	// time at which that was last logged.
	server          Server
	pause           time.Duration
	until, lastTold time.Time
}

// NewQueue returns the queue of a store. setup is called before every pass, because the
// configuration may have been replaced. While it returns nil, because no mail server is
// configured, nothing is sent.
func NewQueue(st Store, setup func() *Setup, clock func() time.Time) *Queue {
	return &Queue{store: st, setup: setup, clock: clock, wake: make(chan struct{}, 1)}
}

// Wake makes Run start a pass at once. It is called if a user waits for a mail.
func (q *Queue) Wake() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Run sends mails until ctx ends. The first pass also tries mails that are not yet due,
// because a crash may have left them claimed and not sent.
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

// pass sends the mails that are due before until, at most limit, over one connection.
func (q *Queue) pass(ctx context.Context, setup *Setup, until time.Time, limit int) {
	q.log = setup.Log
	if q.server != setup.Server { // the pause was for another server
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

// claim counts a try and postpones the next one, before the mail is sent. It returns errTaken
// if another server with the same store has claimed the mail.
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

// wait returns how long a mail waits for its next try, if it was tried that often before.
func wait(tries int) time.Duration {
	return min(firstWait<<min(max(tries, 0), 10), longestWait)
}

// deliver claims a mail and sends it. It handles failures of this mail itself; an error that
// it returns is a failure of the mail server.
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
		q.log.Error("a mail can't be composed now", append(about(m), zap.Error(err))...)
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

// end gives a mail up. If it has a code, the page that asks for the code will say that the
// mail failed.
func (q *Queue) end(ctx context.Context, m *store.Mail, why string) {
	q.log.Error("mail given up", append(about(m), zap.Int("tries", m.Tries), zap.String("reason", why))...)
	if m.Kind == store.MailEnrolCode {
		if err := q.codeFailed(ctx, m); err != nil {
			q.storeFailed(ctx, err)
			return // the mail stays in the queue, and the next try ends it again
		}
	}
	q.remove(ctx, m)
}

// codeFailed marks the code of a mail that failed (store.MailCode.Failed), and records an event.
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

// serverFailed starts a pause after a failure of the mail server, and logs it at most once in
// tellEvery. The mails stay queued.
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
	q.log.Error("the mail server accepts no mails; they wait in the queue and are tried again", zap.Stringer("server", &setup.Server),
		zap.Int("waiting", waiting), zap.String("reason", oneLine(err.Error())))
}

func (q *Queue) serverWorks(setup *Setup) {
	if !q.lastTold.IsZero() {
		q.log.Info("the mail server accepts mails again", zap.Stringer("server", &setup.Server))
	}
	q.pause, q.until, q.lastTold = 0, time.Time{}, time.Time{}
}

// about returns the log fields of a mail. They have neither its address nor its text.
func about(m *store.Mail) []zap.Field {
	return []zap.Field{zap.String("mail", m.Kind), zap.String("mail_id", m.ID), zap.String("realm", m.Realm), zap.String("user_id", m.User)}
}
