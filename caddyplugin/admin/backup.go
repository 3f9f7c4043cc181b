package admin

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/backup"
	"github.com/secondgate/secondgate/internal/server"
)

// backupStall is the longest time that a client may read nothing of a backup. The backup is
// aborted then, because the store can't free old versions of records while a backup runs.
const backupStall = time.Minute

// BackupOrder is the body of POST /two_factor/backup.
type BackupOrder struct {
	// Recipients are public keys of age (age1…). Only the owners of the private keys can
	// read the backup.
	Recipients []string `json:"recipients"`
}

var errBackupRuns = errors.New("a backup is being made already; wait for it")

// serveBackup streams an encrypted backup. After an error it aborts the connection, so that a
// part does not look complete.
func serveBackup(w http.ResponseWriter, r *http.Request, s *server.Server) error {
	order, err := readJSON[BackupOrder](w, r, `{"recipients": ["age1…"]}`)
	if err != nil {
		return err
	}
	to, err := backup.ParseRecipients(order.Recipients)
	if err != nil {
		return badRequest(err)
	}
	if err := patient(w); err != nil {
		return err
	}
	done, ok := s.BeginBackup()
	if !ok {
		return conflict(errBackupRuns)
	}
	defer done()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	out := &reader{w: w, control: http.NewResponseController(w)}
	defer out.control.SetWriteDeadline(time.Time{})
	defer context.AfterFunc(s.Life(), func() { cancel(); out.end() })()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="secondgate-backup.age"`)
	err = s.Backup(ctx, out, to, order.Recipients)
	if err == nil {
		return nil
	}
	s.Logger.Error("a backup could not be made", zap.Error(err), zap.Int64("sent", out.sent))
	if out.sent > 0 {
		panic(http.ErrAbortHandler)
	}
	return unavailable(err)
}

// reader is the client that reads the backup; it implements [io.Writer]. A write returns an
// error if the client reads nothing for backupStall, and after end was called, which happens
// when the store is about to close.
type reader struct {
	w       http.ResponseWriter
	control *http.ResponseController
	sent    int64

	mu    sync.Mutex // guards ended and calls of SetWriteDeadline
	ended bool
}

func (p *reader) Write(b []byte) (int, error) {
	p.extend()
	n, err := p.w.Write(b)
	p.sent += int64(n)
	return n, err
}

// extend sets the deadline of the next write. If the connection supports no deadlines, a
// write blocks until the connection ends.
func (p *reader) extend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		_ = p.control.SetWriteDeadline(time.Now().Add(backupStall))
	}
}

// end makes the current write and all later ones fail.
func (p *reader) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	_ = p.control.SetWriteDeadline(time.Unix(1, 0))
}
