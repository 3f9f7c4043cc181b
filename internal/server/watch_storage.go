package server

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// storageLook has the last values of the store's disk usage and of its last backup.
type storageLook struct {
	// known is true if used and free, in bytes, were read.
	known      bool
	used, free uint64
	// backup is the time of the last backup; zero if none is known.
	backup time.Time
}

// lookAtStorage reads the disk usage and the time of the last backup. If one can't be read, its
// value stays unchanged, and the error is logged.
func (w *watch) lookAtStorage(ctx context.Context, s *Server) {
	w.mu.Lock()
	look := w.storage
	w.mu.Unlock()
	if disk, ok := s.Storage.(spacious); ok {
		used, free, err := disk.Space()
		if err != nil {
			w.log.Error("the free space of the store's disk could not be read; the metrics keep their last values", zap.Error(err))
		} else {
			look.known, look.used, look.free = true, used, free
		}
	}
	raw, err := w.engine.store.Meta(ctx, store.MetaBackup)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		w.log.Error("the time of the last backup could not be read; the metric keeps its last value", zap.Error(err))
	default:
		if at, err := time.Parse(time.RFC3339, string(raw)); err == nil {
			look.backup = at
		}
	}
	w.mu.Lock()
	w.storage = look
	w.mu.Unlock()
}

func (l storageLook) collect(out chan<- prometheus.Metric) {
	if l.known {
		gauge(out, bytesDesc, float64(l.used))
		gauge(out, freeDesc, float64(l.free))
	}
	if !l.backup.IsZero() {
		gauge(out, backupDesc, float64(l.backup.Unix()))
	}
}
