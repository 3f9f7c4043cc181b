package caddyplugin

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/store"
)

// statusRoute is the endpoint's for the state of the server as a whole.
//
//	GET /two_factor/status           serverStatus
var statusRoute = caddy.AdminRoute{Pattern: "/two_factor/status", Handler: caddy.AdminHandlerFunc(serveStatus)}

// serverStatus is how the server is.
type serverStatus struct {
	// Version is Secondgate's, as it was built; "(devel)" from a working tree.
	Version string `json:"version"`
	Caddy   string `json:"caddy"`
	Go      string `json:"go"`
	// Started is when the process did.
	Started time.Time `json:"started"`
	// Checks is what must hold for customers to be able to sign in: "ok", or what is wrong.
	Checks map[string]string `json:"checks"`
	Realms []realmStatus     `json:"realms"`
	Store  storeStatus       `json:"store"`
	// Audit is the head of the audit log; nil while it is empty.
	Audit *auditStatus `json:"audit,omitempty"`
	// Keys are the ids of the master keys, the newest first.
	Keys []string `json:"keys"`
	// MailsWaiting is how many notices wait to be sent.
	MailsWaiting int         `json:"mails_waiting"`
	Clock        clockStatus `json:"clock"`
}

// realmStatus counts the users that are known of a realm.
type realmStatus struct {
	Realm        string `json:"realm"`
	Activated    int    `json:"activated"`
	NotActivated int    `json:"not_activated"`
	// Missing are activated users that were lost without an entry in the audit log.
	Missing int `json:"missing"`
	// Mode is "enforce" or "observe", Require whether a second factor is compulsory.
	Mode    string `json:"mode"`
	Require string `json:"require"`
}

type storeStatus struct {
	// ID is the store's random name, Place where it is.
	ID    string `json:"id"`
	Place string `json:"place"`
	// Bytes is how long the files are; some have room for what is to come.
	Bytes int64 `json:"bytes"`
	// Witness is what is kept of it in Caddy's storage.
	Witness witnessStatus `json:"witness"`
}

type auditStatus struct {
	Entries uint64    `json:"entries"`
	Hash    string    `json:"hash"`
	At      time.Time `json:"at"`
}

// processStarted is when this process did, near enough.
var processStarted = clock.Now()

func serveStatus(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		return caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: fmt.Errorf("method %s is not allowed here; want GET", r.Method)}
	}
	app, err := activeApp()
	if err != nil {
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
	}
	status, err := app.status(r.Context())
	if err != nil {
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
	}
	return answerJSON(w, http.StatusOK, status)
}

// status looks at everything. Users are counted anew: a second of work where there are a
// million.
func (a *App) status(ctx context.Context) (s serverStatus, err error) {
	s = serverStatus{Started: processStarted, Checks: make(map[string]string), Realms: []realmStatus{}}
	s.Version, s.Caddy, s.Go = versions()
	for _, c := range a.checks(ctx) {
		s.Checks[c.Name] = "ok"
		if c.Problem != "" {
			s.Checks[c.Name] = c.Problem
		}
	}
	missing := a.engine.witness.State().Missing
	for _, name := range slices.Sorted(maps.Keys(a.realms)) {
		n, err := a.engine.store.CountUsers(ctx, name)
		if err != nil {
			return s, fmt.Errorf("counting the users of realm %q: %w", name, err)
		}
		site := a.realms[name].site
		s.Realms = append(s.Realms, realmStatus{name, n.Activated, n.NotActivated, missing[name], site.Mode, site.Require})
	}
	for _, id := range a.ring.IDs() {
		s.Keys = append(s.Keys, id.String())
	}
	if s.MailsWaiting, err = a.engine.store.CountMails(ctx); err != nil {
		return s, fmt.Errorf("counting the mails: %w", err)
	}
	if s.Audit, err = a.auditStatus(ctx); err != nil {
		return s, err
	}
	s.Clock = a.engine.clockStatus()
	s.Store.ID, s.Store.Place, s.Store.Witness = a.engine.witness.State().Store, a.pool, a.engine.witnessStatus()
	s.Store.Bytes, err = size(a.pool)
	return s, err
}

func (a *App) auditStatus(ctx context.Context) (*auditStatus, error) {
	a.engine.flushAudit()
	head, err := a.engine.store.LastEntry(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the head of the audit log: %w", err)
	}
	return &auditStatus{head.Seq, hex.EncodeToString(head.Hash[:]), head.Event.At}, nil
}

// versions are Secondgate's, Caddy's and Go's, as they were built.
func versions() (ours, caddys, golang string) {
	const module = "github.com/secondgate/secondgate"
	caddys, _ = caddy.Version()
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown", caddys, "unknown"
	}
	ours = info.Main.Version
	for _, m := range info.Deps { // in a Caddy that somebody built with this plugin
		if m.Path == module {
			ours = m.Version
		}
	}
	return ours, caddys, info.GoVersion
}

// size sums up the room that the files below a directory take on the disk: the database's
// logs are longer than that. One that goes away meanwhile, as the
// database's do, counts for nothing.
func size(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			bytes += room(info)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("looking at the store's files: %w", err)
	}
	return bytes, nil
}
