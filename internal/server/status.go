package server

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/store"
)

// Status is the state of a server, as the admin API and the command status show it.
type Status struct {
	// Version is the version of Secondgate; "(devel)" if built from a working tree.
	Version string `json:"version"`
	Caddy   string `json:"caddy"`
	Go      string `json:"go"`
	// Started is the time at which the process started.
	Started time.Time `json:"started"`
	// Checks are the results of the readiness checks by name: "ok", or the problem.
	Checks map[string]string `json:"checks"`
	Realms []RealmStatus     `json:"realms"`
	Store  StoreStatus       `json:"store"`
	// Audit is the head of the audit log; nil while it is empty.
	Audit *AuditStatus `json:"audit,omitempty"`
	// Keys are the ids of the master keys, the newest first.
	Keys []string `json:"keys"`
	// MailsWaiting is the number of mails that wait to be sent.
	MailsWaiting int         `json:"mails_waiting"`
	Clock        ClockStatus `json:"clock"`
}

// RealmStatus has the numbers of users of a realm, and its mode.
type RealmStatus struct {
	Realm        string `json:"realm"`
	Activated    int    `json:"activated"`
	NotActivated int    `json:"not_activated"`
	// Missing is the number of activated users that the store has lost without an entry in the
	// audit log.
	Missing int `json:"missing"`
	// Mode is "enforce" or "observe", Require whether a second factor is compulsory.
	Mode    string `json:"mode"`
	Require string `json:"require"`
}

// StoreStatus is the state of the store.
type StoreStatus struct {
	// ID is the store's random name, Place its Storage.Key.
	ID    string `json:"id"`
	Place string `json:"place"`
	// Bytes is how many bytes the files use on the disk.
	Bytes uint64 `json:"bytes"`
	// Witness is the state of the store's witness in Caddy's storage.
	Witness WitnessStatus `json:"witness"`
}

// AuditStatus is the head of the audit log.
type AuditStatus struct {
	Entries uint64    `json:"entries"`
	Hash    string    `json:"hash"`
	At      time.Time `json:"at"`
}

// processStarted is approximately the time at which this process started.
var processStarted = clock.Now()

// Status runs all checks and counts the users. With a million users this takes about a second.
func (s *Server) Status(ctx context.Context) (out Status, err error) {
	out = Status{Started: processStarted, Checks: make(map[string]string), Realms: []RealmStatus{}}
	out.Version, out.Caddy, out.Go = s.Build.Version, s.Build.Caddy, s.Build.Go
	for _, c := range s.checks(ctx) {
		out.Checks[c.Name] = "ok"
		if c.Problem != "" {
			out.Checks[c.Name] = c.Problem
		}
	}
	st, witness := s.engine.store, s.engine.witness.State()
	for _, name := range s.names() {
		n, err := st.CountUsers(ctx, name)
		if err != nil {
			return out, fmt.Errorf("counting the users of realm %q: %w", name, err)
		}
		site := s.realms[name].Site
		out.Realms = append(out.Realms, RealmStatus{name, n.Activated, n.NotActivated, witness.Missing[name], site.Mode, site.Require})
	}
	for _, id := range s.ring.IDs() {
		out.Keys = append(out.Keys, id.String())
	}
	if out.MailsWaiting, err = st.CountMails(ctx); err != nil {
		return out, fmt.Errorf("counting the mails: %w", err)
	}
	if out.Audit, err = s.auditStatus(ctx); err != nil {
		return out, err
	}
	out.Clock = s.engine.clockStatus()
	out.Store = StoreStatus{ID: witness.Store, Place: s.place, Witness: s.engine.witnessStatus()}
	if disk, ok := s.Storage.(spacious); ok {
		out.Store.Bytes, _, err = disk.Space()
	}
	return out, err
}

func (s *Server) auditStatus(ctx context.Context) (*AuditStatus, error) {
	s.FlushAudit()
	head, err := s.engine.store.LastEntry(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the head of the audit log: %w", err)
	}
	return &AuditStatus{head.Seq, hex.EncodeToString(head.Hash[:]), head.Event.At}, nil
}
