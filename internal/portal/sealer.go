// Package portal handles the cookies and questions between Secondgate and the portal. It seals the
// portal's cookies, rebuilds the Cookie header from them ([Jar]), and asks the portal which user a
// request's credentials belong to ([Asker]). Packages gateway and observe call it.
//
// It guarantees two things. The portal gets only cookies that were sealed for this visit, or
// that [CookiePolicy] exempts from sealing. The browser gets the portal's other cookies in
// sealed form only.
package portal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/secondgate/secondgate/internal/keys"
)

// Sealer makes the keys of visits for one realm.
type Sealer struct {
	realm   string
	masters [][]byte
}

// NewSealer derives a sealer from the master keys.
func NewSealer(ring *keys.Ring, realm string) *Sealer {
	return &Sealer{realm: realm, masters: ring.Derive("visit", keys.Size)}
}

// VisitKeys seal and open the cookies of one visit at one site. They are safe for
// concurrent use.
type VisitKeys struct {
	site  string // the site's tag, see siteTag
	names []byte
	aeads []cipher.AEAD
}

// Keys derives the keys of the visit with this token at a site: one for sealing from the newest
// master key, and more for opening from the older ones. The site is the host and port that the
// browser addressed (Request.Host); case is ignored. A cookie that was sealed at one site does not
// open at another, although both may share the visit.
func (s *Sealer) Keys(site, token string) *VisitKeys {
	site = strings.ToLower(site)
	k := &VisitKeys{site: siteTag(site)}
	for i, master := range s.masters {
		if i == 0 {
			k.names = mac(master, "names", s.realm, site, token)
		}
		block, err := aes.NewCipher(mac(master, "cookies", s.realm, site, token))
		if err != nil {
			panic("portal: " + err.Error()) // the key has the right length by construction
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			panic("portal: " + err.Error())
		}
		k.aeads = append(k.aeads, aead)
	}
	return k
}

// Tag is the part of a sealed cookie's name that is unique per site, visit, name and
// path: the site's tag and 96 bits.
func (k *VisitKeys) Tag(name, path string) string {
	return k.site + base64.RawURLEncoding.EncodeToString(mac(k.names, name, path)[:12])
}

// errSealed: a value was not sealed for this visit.
var errSealed = errors.New("not sealed for this visit")

const nonceSize, gcmTag = 12, 16

// seal encrypts plain under the newest key. open fails unless it gets the same bound text, which
// is the cookie's tag.
func (k *VisitKeys) seal(plain []byte, bound string) string {
	buf := make([]byte, nonceSize, nonceSize+len(plain)+gcmTag)
	rand.Read(buf)
	buf = k.aeads[0].Seal(buf, buf[:nonceSize], plain, []byte(bound))
	return base64.RawURLEncoding.EncodeToString(buf)
}

// open decrypts a value that seal returned, under any of the visit's keys.
func (k *VisitKeys) open(value, bound string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || len(raw) < nonceSize+gcmTag {
		return nil, errSealed
	}
	for _, aead := range k.aeads {
		if plain, err := aead.Open(nil, raw[:nonceSize], raw[nonceSize:], []byte(bound)); err == nil {
			return plain, nil
		}
	}
	return nil, errSealed
}

// mac is HMAC-SHA256 over the words, each preceded by its length.
func mac(key []byte, words ...string) []byte {
	h := hmac.New(sha256.New, key)
	var n [binary.MaxVarintLen64]byte
	for _, w := range words {
		h.Write(n[:binary.PutUvarint(n[:], uint64(len(w)))])
		h.Write([]byte(w))
	}
	return h.Sum(nil)
}
