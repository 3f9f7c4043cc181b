package admin

import (
	"errors"
	"fmt"
	"net/http"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/server"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/transfer"
)

func serveExport(w http.ResponseWriter, r *http.Request, s *server.Server) error {
	t, err := newTransferring(r, s, true)
	if err != nil {
		return err
	}
	if err := patient(w); err != nil {
		return err
	}
	e := transfer.Exporter{Factors: t.realm.Factors, Store: t.server.Store(), Realm: t.realm.Name}
	n, err := e.Check(r.Context())
	if errors.Is(err, keys.ErrOpen) {
		err = fmt.Errorf("%w: is the master key that it was sealed with in the list of keys? (nothing was exported)", err)
	}
	if err != nil {
		return unavailable(err)
	}
	// The export is in the audit log before the first secret is sent.
	t.event.Kind, t.event.Detail = store.EventExported, map[string]string{"users": fmt.Sprint(n), "format": t.format}
	if err := t.server.Store().Record(r.Context(), t.event); err != nil {
		return unavailable(fmt.Errorf("recording the export: %w (nothing was exported)", err))
	}
	w.Header().Set("Content-Type", MediaTypes[t.format]+"; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	n, err = e.Write(r.Context(), w, t.format)
	fields := []zap.Field{
		zap.String("realm", t.realm.Name), zap.String("staff", t.event.Staff), zap.String("reason", t.event.Reason), zap.Int("users", n),
	}
	if err != nil {
		t.server.Logger.Error("an export broke off", append(fields, zap.Error(err))...)
		panic(http.ErrAbortHandler) // an incomplete file must not look complete
	}
	t.server.Logger.Warn("the secrets of a realm were exported", fields...)
	return nil
}
