package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/portal/whoami"
	"github.com/secondgate/secondgate/internal/server"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/transfer"
)

// importing is locked while an import runs, so that only one runs at a time. Each holds its
// whole file in memory.
var importing sync.Mutex

// importPause is the longest time that the client may send nothing of an import's body, or
// read nothing of the answer.
const importPause = time.Minute

func serveImport(w http.ResponseWriter, r *http.Request, s *server.Server) error {
	t, err := newTransferring(r, s, false, "replace", "dry_run", "source")
	if err != nil {
		return err
	}
	i, err := newImport(w, r, t)
	if err != nil {
		return err
	}
	if err := i.whole(w, r); err != nil {
		return err
	}
	i.say(transfer.Message{Summary: &i.summary})
	return nil
}

// whole runs the import without sending its summary. The caller sends the summary after the
// lock importing is released, so that a client that has read it can start the next import.
func (i *importRun) whole(w http.ResponseWriter, r *http.Request) error {
	if !importing.TryLock() {
		return conflict(errors.New("another import is running; wait for it"))
	}
	defer importing.Unlock()
	file, err := i.read(r)
	if err != nil {
		return badRequest(err)
	}
	if err := patient(w); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	i.run(r.Context(), file)
	return nil
}

// importRun is one import in progress.
type importRun struct {
	*transferring
	transfer.Importer
	dry     bool
	rc      *http.ResponseController
	out     *json.Encoder
	phase   transfer.Progress
	summary transfer.Summary
}

func newImport(w http.ResponseWriter, r *http.Request, t *transferring) (*importRun, error) {
	q := r.URL.Query()
	i := &importRun{transferring: t, rc: http.NewResponseController(w), out: json.NewEncoder(w)}
	i.Factors, i.Store, i.Realm, i.Replace = t.realm.Factors, t.server.Store(), t.realm.Name, cmp.Or(q.Get("replace"), transfer.ReplaceNever)
	if err := transfer.CheckReplace(i.Replace); err != nil {
		return nil, badRequest(err)
	}
	var err error
	if i.dry, err = flagOf(q, "dry_run"); err != nil {
		return nil, badRequest(err)
	}
	i.Event = t.event
	if source := q.Get("source"); source != "" {
		i.Event.Detail = map[string]string{"source": source}
	}
	i.Ended = func(ids ...store.VisitID) { t.server.Visits().End(t.realm.Name, ids...) }
	i.Changed = t.server.Visits().CloseUnproven
	i.Progress = func(done int) { i.phase.Done = done; i.say(transfer.Message{Progress: &i.phase}) }
	i.summary = transfer.Summary{Realm: t.realm.Name, DryRun: i.dry}
	return i, nil
}

// read reads the whole file. There is no limit on the total time, only on pauses
// (importPause).
func (i *importRun) read(r *http.Request) (*transfer.File, error) {
	body := io.LimitReader(r.Body, transfer.MaxFile+1)
	counted := &pausing{body: body, rc: i.rc}
	file, err := transfer.Read(counted, transfer.Options{
		Format: i.format, Realm: i.realm.Name,
		Canonical: func(id string) (string, error) { return whoami.Canonical(i.realm.Site.Whoami, id) },
	})
	if counted.n > transfer.MaxFile {
		return nil, fmt.Errorf("the file is larger than %d MiB; give it in parts", transfer.MaxFile>>20)
	}
	return file, err
}

// pausing reads a request's body. Each Read fails if no data arrives within importPause. n
// counts the bytes read.
type pausing struct {
	body io.Reader
	rc   *http.ResponseController
	n    int64
}

func (p *pausing) Read(b []byte) (int, error) {
	if err := p.rc.SetReadDeadline(time.Now().Add(importPause)); err != nil {
		return 0, err
	}
	n, err := p.body.Read(b)
	p.n += int64(n)
	return n, err
}

// run checks the file, writes it unless a line was refused or it is a dry run, sends the
// problems, and fills in i.summary.
func (i *importRun) run(ctx context.Context, f *transfer.File) {
	s := &i.summary
	s.Lines = f.Lines
	i.begin(transfer.PhaseCheck, f)
	var err error
	if s.Counts, err = i.Check(ctx, f); err == nil && f.Refused == 0 && !i.dry {
		i.begin(transfer.PhaseWrite, f)
		s.Counts, err = i.Run(ctx, f)
		s.Imported = err == nil && s.Counts.Failed == 0
		i.logRun(err)
	}
	for n := range f.Problems {
		i.say(transfer.Message{Problem: &f.Problems[n]})
	}
	s.Refused, s.Warnings = f.Refused, f.Warned
	if err != nil {
		s.Error = err.Error()
	}
}

// begin sends the client a message that a phase begins.
func (i *importRun) begin(phase string, f *transfer.File) {
	i.phase = transfer.Progress{Phase: phase, Of: len(f.Items)}
	i.Progress(0)
}

func (i *importRun) logRun(err error) {
	fields := []zap.Field{
		zap.String("realm", i.Realm), zap.String("staff", i.event.Staff), zap.String("reason", i.event.Reason),
		zap.Any("users", i.summary.Counts), zap.Error(err),
	}
	if err != nil {
		i.server.Logger.Error("an import was interrupted; the same file completes it", fields...)
		return
	}
	i.server.Logger.Info("authenticators were imported", fields...)
}

// say sends a line to the client at once. If the client does not read it within importPause,
// the server ends the request, which cancels the import.
func (i *importRun) say(m transfer.Message) {
	_ = i.rc.SetWriteDeadline(time.Now().Add(importPause))
	_ = i.out.Encode(m)
	_ = i.rc.Flush()
}
