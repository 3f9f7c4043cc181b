// Package witness distinguishes a lost store from a new one. A witness is a small signed file
// about a store that is kept apart from it, in Caddy's own storage: the store's id, the head of
// its audit log, and how many users of each realm had a second factor.
//
// A start or reload compares the store that it found with the witnesses ([Judge], [JudgeRealm]).
// A store that is missing, empty, another one, or older than its witness is refused, because it
// would let users with a second factor in by their password alone.
//
// # What a witness is bound to
//
// Witnesses are kept by the id of the store, not by its directory, and each names the realms
// that its store answers for. A configuration with a mistyped directory therefore finds the
// witness of the right store by the realm. Several servers that share one storage of Caddy's
// don't affect each other, as long as their realms have different names.
//
// # Order of writing
//
// A witness is written after the store has committed what it describes. It may lag behind the
// store, for example after a crash. A store that lags behind its witness has lost something.
//
// Package server calls it at a start or reload, and caddyplugin's commands call it.
package witness

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/secondgate/secondgate/internal/keys"
)

// Head names an entry of the audit log by its number and hash; zero while there is none.
type Head struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash,omitempty"`
}

// Witness is what is kept of a store outside of it.
type Witness struct {
	// Store is the store's id.
	Store string `json:"store"`
	// Place and Host are where it was last, for people to read.
	Place string `json:"place"`
	Host  string `json:"host,omitempty"`
	// Signed is when the witness was written.
	Signed time.Time `json:"signed"`
	// Restored is when the store was last restored from a backup; zero for never.
	Restored time.Time `json:"restored,omitzero"`
	// Head is the newest entry of the store's audit log.
	Head Head `json:"head"`
	// Activated counts the users with a second factor in each realm that the store has
	// answered for. The counts were made when the audit log had Counted entries.
	Activated map[string]int `json:"activated"`
	Counted   uint64         `json:"counted"`
	// Contested is where another server used a copy of the store at the same time; empty
	// for none.
	Contested string `json:"contested,omitempty"`

	// Key is where Caddy's storage holds it.
	Key string `json:"-"`
	// Unreadable says that the file is none that Marshal wrote; nothing else is known then.
	Unreadable bool `json:"-"`
	// Forged says that none of the master keys has signed it; see Known.Verify.
	Forged bool `json:"-"`

	line, signature []byte
}

// users is how many users with a second factor the store had in all.
func (w *Witness) users() (n int) {
	for _, realm := range w.Activated {
		n += realm
	}
	return n
}

// purpose names the key that signs; see keys.Ring.Derive.
const purpose = "witness"

// signed is the file's layout.
type signed struct {
	Witness   json.RawMessage `json:"witness"`
	Signature string          `json:"signature"`
}

// Marshal writes a witness, signed with the newest master key.
func Marshal(w Witness, ring *keys.Ring) ([]byte, error) {
	line, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("writing the witness: %w", err)
	}
	return json.Marshal(signed{line, hex.EncodeToString(sum(ring.Derive(purpose, 32)[0], line))})
}

// Unmarshal reads what Marshal wrote. It does not look at the signature.
func Unmarshal(file []byte) (w Witness) {
	var s signed
	err := json.Unmarshal(file, &s)
	if err == nil {
		err = json.Unmarshal(s.Witness, &w)
	}
	mac, broken := hex.DecodeString(s.Signature)
	if err != nil || broken != nil || w.Store == "" {
		return Witness{Unreadable: true}
	}
	w.line, w.signature = s.Witness, mac
	return w
}

// verify sets Forged unless one of the keys has signed the witness.
func (w *Witness) verify(derived [][]byte) {
	w.Forged = !slices.ContainsFunc(derived, func(key []byte) bool { return hmac.Equal(w.signature, sum(key, w.line)) })
}

func sum(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}
