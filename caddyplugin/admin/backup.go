package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"sync"
	"time"

	"filippo.io/age"
	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/backup"
)

// backupStall is the longest time that a client may read nothing of a backup. The backup is
// aborted then, because the store can't free old versions of records while a backup runs.
const backupStall = time.Minute

// maxOrder is the maximum size of a BackupOrder, in bytes.
const maxOrder = 64 << 10

// BackupOrder is the body of POST /two_factor/backup.
type BackupOrder struct {
	// Recipients are public keys of age (age1…). Only the owners of the private keys can
	// read the backup.
	Recipients []string `json:"recipients"`
}

var errBackupRuns = errors.New("a backup is being made already; wait for it")

// serveBackup streams an encrypted backup. After an error it aborts the connection, so that a
// part does not look complete.
func serveBackup(w http.ResponseWriter, r *http.Request) error {
	to, asked, err := readOrder(w, r)
	if err != nil {
		return err
	}
	if err := patient(w); err != nil {
		return err
	}
	s, err := running()
	if err != nil {
		return unavailable(err)
	}
	done, ok := s.BeginBackup()
	if !ok {
		return caddy.APIError{HTTPStatus: http.StatusConflict, Err: errBackupRuns}
	}
	defer done()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	out := &reader{w: w, control: http.NewResponseController(w)}
	defer out.control.SetWriteDeadline(time.Time{})
	defer context.AfterFunc(s.Life(), func() { cancel(); out.end() })()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="secondgate-backup.age"`)
	err = s.Backup(ctx, out, to, asked)
	if err == nil {
		return nil
	}
	s.Logger.Error("a backup could not be made", zap.Error(err), zap.Int64("sent", out.sent))
	if out.sent > 0 {
		panic(http.ErrAbortHandler)
	}
	return unavailable(err)
}

func readOrder(w http.ResponseWriter, r *http.Request) ([]age.Recipient, []string, error) {
	if r.Method != http.MethodPost {
		return nil, nil, caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: fmt.Errorf("method %s is not allowed here; want POST", r.Method)}
	}
	if !jsonBody(r) {
		return nil, nil, errMediaType
	}
	var order BackupOrder
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder))
	d.DisallowUnknownFields()
	if err := d.Decode(&order); err != nil {
		return nil, nil, caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: fmt.Errorf(`the request can't be read: %w; want {"recipients": ["age1…"]}`, err)}
	}
	to, err := backup.ParseRecipients(order.Recipients)
	if err != nil {
		return nil, nil, badRequest(err)
	}
	return to, order.Recipients, nil
}

// jsonBody reports whether the request's Content-Type is application/json. A page of another
// site can make a browser post forms and text here, but not JSON.
func jsonBody(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
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
