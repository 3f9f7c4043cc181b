package portalkinds

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// inCookie keeps the whole session in a cookie that is encrypted again with every response, as in
// Rails. The server stores nothing, so a sign-out can't revoke old cookies. The session grows
// until it nearly fills a cookie.
type inCookie struct{ aead cipher.AEAD }

// cookieOverflow is Rails' bound of a cookie; beyond it the application fails.
const cookieOverflow = 4096

func cookieOnly() *inCookie {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return &inCookie{aead}
}

func (k *inCookie) open(p *portal, r *http.Request) *session {
	c, err := r.Cookie("_portal_session")
	if err != nil {
		return newSession()
	}
	s := newSession()
	raw, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err == nil {
		raw, err = k.aead.Open(nil, nil, raw, nil)
	}
	if err == nil {
		err = json.Unmarshal(raw, s)
	}
	if err != nil {
		p.breaks("a damaged cookie", r)
		return newSession()
	}
	return s
}

func (k *inCookie) end(p *portal, r *http.Request, s *session) []string {
	if s.ended {
		*s = *newSession()
	}
	if len(s.Padding) < 2700 {
		s.Padding += strings.Repeat("x", 450)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	line := "_portal_session=" + base64.RawURLEncoding.EncodeToString(k.aead.Seal(nil, nil, raw, nil))
	if len(line) > cookieOverflow {
		p.breaks("a cookie overflow", r)
	}
	return []string{line + "; path=/; HttpOnly; SameSite=Lax"}
}

// renaming gives the session of a stranger another id with every page, and keeps what
// is in it. The old id is dead.
type renaming struct{ *server }

func (k renaming) end(p *portal, r *http.Request, s *session) []string {
	if s.Account == nil && !s.ended {
		s.fresh = true
	}
	return k.server.end(p, r, s)
}

// open notes ids that were sent although they had been renamed.
func (k renaming) open(p *portal, r *http.Request) *session {
	if c, err := r.Cookie(k.cookie); err == nil && k.sessions[c.Value] == nil {
		p.breaks("a dead session id", r)
	}
	return k.server.open(p, r)
}

// replacing starts a new session with every page for a stranger, as phpMyAdmin does. Forms that
// were shown before are then invalid.
type replacing struct{ *server }

func (k replacing) open(p *portal, r *http.Request) *session {
	s := k.server.open(p, r)
	if s.Account == nil && r.Method != http.MethodPost {
		delete(k.sessions, s.ID)
		return newSession()
	}
	return s
}

// end: a sign-in that failed shows its form in a new session, too.
func (k replacing) end(p *portal, r *http.Request, s *session) []string { return k.server.end(p, r, s) }

// several needs all of its cookies. Some without the others are an attack to it, and
// it ends the session.
type several struct{ *server }

var severalNames = []string{"portal_id", "portal_key", "portal_check"}

func (k several) open(p *portal, r *http.Request) *session {
	var ids []string
	for _, name := range severalNames {
		if c, err := r.Cookie(name); err == nil {
			_, id, _ := strings.Cut(c.Value, ".")
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return newSession()
	}
	if len(ids) != len(severalNames) || ids[0] != ids[1] || ids[1] != ids[2] || k.sessions[ids[0]] == nil {
		p.breaks("some of the cookies", r)
		for _, id := range ids {
			delete(k.sessions, id)
		}
		return newSession()
	}
	return k.sessions[ids[0]]
}

func (k several) end(p *portal, r *http.Request, s *session) (lines []string) {
	set := k.server.end(p, r, s)
	for i, name := range severalNames {
		switch {
		case s.ended:
			lines = append(lines, name+"=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/")
		case set != nil:
			attributes := []string{"; Path=/; HttpOnly", "; Path=/; Max-Age=86400", "; Path=/; SameSite=Strict"}[i]
			lines = append(lines, name+"="+name[7:8]+"."+s.ID+attributes)
		}
	}
	return lines
}

// pinned ends a session that comes with other headers, from another address, or from
// another page, than it began with. also is one header more.
type pinned struct {
	*server
	also string
}

func (k pinned) open(p *portal, r *http.Request) *session {
	s := k.server.open(p, r)
	now := fingerprint(r) + r.Header.Get(k.also)
	if s.Print == "" {
		s.Print = now
	}
	if s.Print != now || !near(r, "Origin") || !near(r, "Referer") {
		p.breaks("other headers ("+now+")", r)
		delete(k.sessions, s.ID)
		return newSession()
	}
	return s
}

// fingerprint is what the session is pinned to.
func fingerprint(r *http.Request) string {
	var b strings.Builder
	for _, name := range []string{
		"User-Agent", "Accept-Language", "Sec-Ch-Ua", "Sec-Ch-Ua-Platform", "Sec-Ch-Ua-Mobile", "X-Forwarded-For", "X-Forwarded-Proto",
	} {
		b.WriteString(r.Header.Get(name) + "|")
	}
	return b.String()
}

// near reports whether a Referer or Origin, if there is one, names a page of the portal.
func near(r *http.Request, name string) bool {
	value := r.Header.Get(name)
	if value == "" {
		return true
	}
	u, err := url.Parse(value)
	return err == nil && u.Host == r.Host
}
