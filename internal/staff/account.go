package staff

import (
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// Account is one user as staff see them. Times are UTC, zero for never. The admin API returns
// it as JSON.
type Account struct {
	Realm string `json:"realm"`
	ID    string `json:"id"`
	// Name and Email are those that the portal shows. Only ID identifies the user.
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	// Activated says that the user has a second factor.
	Activated bool `json:"activated"`
	// Factors are the kinds that the user has: "totp", "backup".
	Factors   []string  `json:"factors"`
	FirstSeen time.Time `json:"first_seen,omitzero"`
	// EnabledAt is when two-factor authentication was turned on, UsedAt when a factor was
	// last used.
	EnabledAt time.Time `json:"enabled_since,omitzero"`
	UsedAt    time.Time `json:"last_used,omitzero"`
	// BackupLeft of BackupTotal backup codes are unused.
	BackupLeft  int `json:"backup_codes_left"`
	BackupTotal int `json:"backup_codes_total"`
	// LockedUntil is when the wait after wrong codes ends; zero if there is no wait.
	LockedUntil time.Time `json:"locked_until,omitzero"`
	// Off says that codes of the authenticator are refused after too many wrong ones,
	// until a backup code, a recovery code or staff unlocks them.
	Off bool `json:"codes_off,omitempty"`
	// Recovery is the outstanding recovery code, nil if there is none.
	Recovery *Recovery `json:"recovery_code,omitempty"`
}

// Locked reports whether codes are refused now because of earlier wrong ones.
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

// Details is everything that staff see of one user.
type Details struct {
	Account
	// Sessions are the live ones, newest first, at most MaxSessions. SessionCount is the
	// number of all live ones.
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
