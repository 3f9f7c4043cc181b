package mail_test

import (
	"context"
	"fmt"
	netmail "net/mail"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/secondgate/secondgate/internal/mail"
	"github.com/secondgate/secondgate/internal/notice"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/memory"
	"github.com/secondgate/secondgate/internal/store/records"
)

// world is a queue over a real store, and its log.
type world struct {
	*testing.T
	db   *records.DB
	logs *observer.ObservedLogs

	mu    sync.Mutex
	setup mail.Setup
	moved time.Duration
	stop  func()
	queue *mail.Queue
}

func newWorld(t *testing.T, server mail.Server) *world {
	t.Helper()
	w := &world{T: t, stop: func() {}}
	db := records.Open(memory.New(), records.Options{Clock: w.now})
	t.Cleanup(func() { w.stop(); db.Close() })
	w.db = db
	w.use(server)
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.moved)
}

// use makes these the settings that count, as a reload does.
func (w *world) use(server mail.Server) {
	server.From = netmail.Address{Name: "Oma Avaruus Öy", Address: "noreply@portal.example"}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.setup = mail.Setup{Server: server, Write: write}
}

func write(_ context.Context, m store.Mail) (mail.Letter, error) {
	if m.Kind == "unwritable" {
		return mail.Letter{}, mail.ErrUnwritable
	}
	return mail.Letter{ID: m.ID, To: m.To, Date: m.At, Language: "en", Subject: "Ä notice: " + m.Kind,
		Text: "Größe: " + m.User + "\n.\nend", HTML: "<p>Größe: " + m.User + "</p>"}, nil
}

// run starts the queue, as the server's start does, and ends the one before.
func (w *world) run() {
	w.Helper()
	w.stop()
	core, logs := observer.New(zap.DebugLevel)
	w.logs = logs
	w.queue = mail.NewQueue(w.db, func() *mail.Setup {
		w.mu.Lock()
		defer w.mu.Unlock()
		setup := w.setup
		setup.Log = zap.New(core)
		return &setup
	}, w.now)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { w.queue.Run(ctx) })
	w.stop = sync.OnceFunc(func() { cancel(); done.Wait() })
}

// put queues a mail to each local part.
func (w *world) put(to ...string) (mails []store.Mail) {
	w.Helper()
	for i, name := range to {
		key := store.UserKey{Realm: "shop", ID: fmt.Sprint(name, i)}
		mails = append(mails, w.putMail(notice.New(key, store.EventEnrolled, name+"@customers.example", "en", w.now().UTC())))
	}
	return mails
}

func (w *world) putMail(m store.Mail) store.Mail {
	w.Helper()
	if err := w.db.Update(w.Context(), m.Key(), func(tx store.Tx) error { return tx.QueueMail(m) }); err != nil {
		w.Fatal(err)
	}
	if w.queue != nil {
		w.queue.Wake()
	}
	return m
}

// logged waits until a message was logged n times, and returns the last one's fields.
func (w *world) logged(message string, n int) map[string]any {
	w.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		found := w.logs.FilterMessage(message).All()
		if len(found) >= n {
			return found[len(found)-1].ContextMap()
		}
		if time.Now().After(deadline) {
			w.Fatalf("%q was logged %d times, want %d: %v", message, len(found), n, w.logs.All())
		}
	}
}

func (w *world) waiting(want int) {
	w.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		n, err := w.db.CountMails(w.Context())
		if err == nil && n == want {
			return
		}
		if err != nil || time.Now().After(deadline) {
			w.Fatalf("%d mails wait, want %d: %v", n, want, err)
		}
	}
}
