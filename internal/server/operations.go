package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/backup"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/internal/rotation"
	"github.com/secondgate/secondgate/internal/store"
)

// Store returns the store that the configuration uses.
func (s *Server) Store() store.Store { return s.engine.store }

// Visits returns the visits of all sites that use the store.
func (s *Server) Visits() *gateway.Visits { return s.engine.visits }

// Life returns a context that ends before the store is closed.
func (s *Server) Life() context.Context { return s.engine.life }

// FlushAudit writes all security events so far to the store and the log.
func (s *Server) FlushAudit() { s.engine.flushAudit() }

// Report returns the counts of the last days, for every open store.
func (s *Server) Report(ctx context.Context, days int) ([]report.Summary, error) {
	all := []report.Summary{}
	for _, e := range s.Pool.All() {
		list, err := e.book.Read(ctx, days)
		if err != nil {
			return nil, fmt.Errorf("reading the report: %w", err)
		}
		all = append(all, report.Summarize(list)...)
	}
	return all, nil
}

// KeyUse lists the master keys, with the number of records that each seals.
func (s *Server) KeyUse(ctx context.Context) ([]rotation.Key, error) {
	return s.engine.keeper.List(ctx, s.ring)
}

// Rotate starts a rotation of the master keys, which goes on in the background.
func (s *Server) Rotate(ctx context.Context) (rotation.Progress, error) {
	return s.engine.keeper.Start(ctx, s.engine.ring)
}

// Rotation returns the progress of the last rotation.
func (s *Server) Rotation() rotation.Progress { return s.engine.keeper.Progress() }

// BeginBackup reserves the store for one backup; ok is false while another one is made.
func (s *Server) BeginBackup() (end func(), ok bool) {
	return s.engine.backups.Unlock, s.engine.backups.TryLock()
}

// Backup writes an encrypted backup to w. names are the recipients for the audit log. The
// caller must hold the reservation of BeginBackup. Output is buffered, so that an error at the
// beginning is returned before anything is written to w.
func (s *Server) Backup(ctx context.Context, w io.Writer, to []age.Recipient, names []string) error {
	out := bufio.NewWriterSize(w, 64<<10)
	sealed, err := backup.Encrypt(out, to...)
	if err != nil {
		return fmt.Errorf("encrypting the backup: %w", err)
	}
	header, err := backup.Write(ctx, sealed, s.engine.store, s.Engine, clock.Now())
	if err != nil {
		return err
	}
	if err := sealed.Close(); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	s.recordBackup(context.WithoutCancel(ctx), header, names)
	return nil
}

// recordBackup records a backup's time and recipients. Errors are only logged, because the
// backup is valid nevertheless.
func (s *Server) recordBackup(ctx context.Context, h backup.Header, names []string) {
	s.Logger.Info("a backup was made", zap.Int("records", h.Records), zap.Strings("recipients", names))
	now := clock.Now()
	err := s.engine.store.UpdateMeta(ctx, store.MetaBackup, func([]byte) ([]byte, error) { return []byte(now.UTC().Format(time.RFC3339)), nil })
	if err != nil {
		s.Logger.Error("the time of a backup could not be recorded; the metric keeps the time of the one before", zap.Error(err))
	}
	err = s.engine.store.Record(ctx, store.Event{At: now, Kind: store.EventBackupMade, Detail: map[string]string{
		"records": strconv.Itoa(h.Records), "recipients": strings.Join(names, " "),
	}})
	if err != nil {
		s.Logger.Error("the event of a backup could not be recorded", zap.Error(err))
	}
}
