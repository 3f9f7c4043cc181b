// Package session makes visit tokens, decides how long a clearance is valid, and moves a visit
// to a fresh token.
//
// Only the browser knows a token: the store and the logs see its SHA-256 ([store.VisitID]). A
// token that was revoked, because the visit moved to another token or its session ended, stays
// revoked for as long as anything sealed for it could still be presented.
package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// MaxCookieLife is the longest life of a sealed cookie and so of a tombstone.
// Browsers cap cookies at 400 days (RFC 6265bis 5.5), and so do we, for cookies
// without an expiry too: what was sealed earlier does not open any more.
const MaxCookieLife = 400 * 24 * time.Hour

// tokenBytes is the length of a token: 256 bits; ASVS 7.2.3 requires 128.
const tokenBytes = 32

var tokenLen = base64.RawURLEncoding.EncodedLen(tokenBytes)

// Token is the secret value of a visit's cookie.
type Token string

// NewToken returns a fresh random token.
func NewToken() Token {
	b := make([]byte, tokenBytes)
	rand.Read(b)
	return Token(base64.RawURLEncoding.EncodeToString(b))
}

// ParseToken reports whether s has the exact form of a token.
func ParseToken(s string) (Token, bool) {
	if len(s) != tokenLen {
		return "", false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
		if !ok {
			return "", false
		}
	}
	return Token(s), true
}

// ID returns the SHA-256 of the token, by which the store identifies it.
func (t Token) ID() store.VisitID { return sha256.Sum256([]byte(t)) }
