package staff

import (
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// Account is one user as staff see them. Times are UTC, zero for never. The JSON is that
// of the admin API.
type Account struct {
	Realm string `json:"realm"`
	ID    string `json:"id"`
	// Name is how the portal shows the user, Email the address that it names.
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	// Activated says that the user has a second factor.
	Activated bool `json:"activated"`
	// Factors are those there are: "totp", "backup".
	Factors   []string  `json:"factors"`
	FirstSeen time.Time `json:"first_seen,omitzero"`
	// EnabledAt is when two-factor authentication was turned on, UsedAt when a factor was
	// last used.
	EnabledAt time.Time `json:"enabled_since,omitzero"`
	UsedAt    time.Time `json:"last_used,omitzero"`
	// BackupLeft of BackupTotal backup codes are unused.
	BackupLeft  int `json:"backup_codes_left"`
	BackupTotal int `json:"backup_codes_total"`
	// LockedUntil is until when wrong codes hold the user up; zero if they don't.
	LockedUntil time.Time `json:"locked_until,omitzero"`
	// Off says that codes of the authenticator are off after too many wrong ones, until
	// a backup code, a recovery code or staff unlocks.
	Off bool `json:"codes_off,omitempty"`
	// Recovery is the outstanding recovery code, nil if there is none.
	Recovery *Recovery `json:"recovery_code,omitempty"`
}

// Locked reports whether wrong codes hold the user up now.
func (a Account) Locked() bool { return a.Off || !a.LockedUntil.IsZero() }

// Recovery is a recovery code that was issued and neither used nor expired.
type Recovery struct {
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
	Staff   string    `json:"staff"`
}

// Session is a browser that is signed in with a second factor.
type Session struct {
	Factor  string    `json:"factor"`
	Since   time.Time `json:"since"`
	Seen    time.Time `json:"last_seen"`
	Expires time.Time `json:"expires"`
	Address string    `json:"client_ip,omitempty"`
	Agent   string    `json:"user_agent,omitempty"`
}

// Details is all that staff see of one user.
type Details struct {
	Account
	// Sessions are live, newest first, at most MaxSessions; SessionCount is how many
	// there are.
	Sessions     []Session `json:"sessions"`
	SessionCount int       `json:"session_count"`
	// History are the newest events about the user, newest first, at most MaxHistory.
	History []store.Event `json:"history"`
}

// Bounds of Details.
const (
	MaxSessions = 50
	MaxHistory  = 100
)
