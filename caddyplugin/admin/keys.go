package admin

import (
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/internal/rotation"
	"github.com/secondgate/secondgate/internal/server"
)

// keepingRoutes are the routes of backups and master keys:
//
//	POST /two_factor/backup         {"recipients": ["age1…"]}: the store, encrypted for them
//	GET  /two_factor/keys           the master keys and how many records each seals: KeyReport
//	POST /two_factor/keys/rotate    {}: starts a rotation of the keys: rotation.Progress
//	GET  /two_factor/keys/rotate    its progress: rotation.Progress
var keepingRoutes = []caddy.AdminRoute{
	{Pattern: "/two_factor/backup", Handler: handle(serveBackup, http.MethodPost)},
	{Pattern: "/two_factor/keys", Handler: handle(serveKeys, http.MethodGet)},
	{Pattern: "/two_factor/keys/rotate", Handler: handle(serveRotate, http.MethodGet, http.MethodPost)},
}

// KeyReport is the answer of GET /two_factor/keys.
type KeyReport struct {
	Keys     []rotation.Key    `json:"keys"`
	Rotation rotation.Progress `json:"rotation"`
	// Unread is a message for the operator: the first key of the key file is not the one
	// that the running server seals with, so the file was changed without a reload. Empty if
	// they are equal.
	Unread string `json:"unread,omitempty"`
}

func serveKeys(w http.ResponseWriter, r *http.Request, s *server.Server) error {
	list, err := s.KeyUse(r.Context())
	if err != nil {
		return unavailable(fmt.Errorf("counting what the keys are needed for: %w", err))
	}
	out := KeyReport{Keys: list, Rotation: s.Rotation()}
	if err := s.CheckKeys(r.Context()); err != nil {
		out.Unread = err.Error()
	}
	return answerJSON(w, http.StatusOK, out)
}

// serveRotate starts a rotation in the background (POST), or returns its progress (GET).
func serveRotate(w http.ResponseWriter, r *http.Request, s *server.Server) error {
	if r.Method == http.MethodGet {
		return answerJSON(w, http.StatusOK, s.Rotation())
	}
	if err := checkJSON(r); err != nil {
		return err
	}
	if err := s.CheckKeys(r.Context()); err != nil {
		return conflict(err)
	}
	progress, err := s.Rotate(r.Context())
	if err != nil {
		return unavailable(err)
	}
	return answerJSON(w, http.StatusAccepted, progress)
}
