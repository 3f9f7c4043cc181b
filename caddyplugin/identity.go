package caddyplugin

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/caddyplugin/routes"
)

// userID is the placeholder in which Caddy's authentication handlers put the user. Caddy's
// access log takes the user from it.
const userID = routes.UserID

// identity returns a text that identifies the credentials that Caddy itself may add to the
// request: the client's certificate, verified or only presented, and the user of an
// authentication before the gate. A portal may recognise a user by these alone (`header_up
// X-User {http.auth.user.id}`, REMOTE_USER in FastCGI). It is "" if there is neither. Its
// length is not bounded, because the user's name is part of it. repl is the request's replacer;
// placed says that handlers before the gate added placeholders to it.
func identity(r *http.Request, repl *caddy.Replacer, placed bool) string {
	return join(fingerprint(r), authenticatedUser(repl, placed))
}

// join joins fingerprint and user, separated by a NUL. No two pairs give the same text,
// because a fingerprint contains no NUL.
func join(fingerprint, user string) string {
	if fingerprint == "" && user == "" {
		return ""
	}
	return fingerprint + "\x00" + user
}

// fingerprint is the fingerprint of the client's certificate, or "".
func fingerprint(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(r.TLS.PeerCertificates[0].Raw)
	return hex.EncodeToString(sum[:])
}

// authenticatedUser is the user that a handler before the gate set, or "".
func authenticatedUser(repl *caddy.Replacer, placed bool) string {
	if !placed {
		return ""
	}
	user, _ := repl.GetString(userID)
	return user
}
