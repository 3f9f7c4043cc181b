package gateway

import (
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// Bearer is how the portal knows people by a token that a script keeps and sends in a
// header. A zero Header says that it does not.
type Bearer struct {
	// Header carries the token, canonically written; after "Bearer " in Authorization.
	Header string
	// SignIns are the addresses that answer with a token.
	SignIns []TokenSignIn
}

// TokenSignIn is an address that answers with a token.
type TokenSignIn struct {
	Rule  Rule
	Token *whoami.Token
}

const (
	// maxTokenBody bounds the response to a sign-in, in bytes; it is kept in memory.
	maxTokenBody = inMemory
	// tokenTime bounds how long such a response may take from its headers to its end.
	tokenTime = 30 * time.Second
	// tokenAge is how old the visit's token is at least before that of a script's request
	// takes its place: scripts in two tabs may use two by turns.
	tokenAge = time.Minute
)

// classifyToken finds out whether the request is a sign-in that answers with a token,
// and sees to it that the whole of that can be read.
func (x *exchange) classifyToken() {
	for _, s := range x.g.Bearer.SignIns {
		if x.any(s.Rule) {
			x.reads = append(x.reads, s.Token)
		}
	}
	if len(x.reads) == 0 {
		return
	}
	x.signIn = true
	h := x.r.Header
	for _, name := range []string{"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		delete(h, name)
	}
	h["Accept-Encoding"] = []string{"identity"}
}

// rememberToken keeps the token that a script sent sealed in the visit, for the pages
// and WebSockets that browsers send none with. A stranger's is kept where he owes a
// code, so that there is a visit in which he can give it.
func (x *exchange) rememberToken() {
	name := x.g.Bearer.Header
	if name == "" || x.before.Answer != gate.User || x.crossSite() {
		return
	}
	sent := portal.SentToken(x.r.Header, name)
	kept, sealed := x.jar.Token()
	if sent == "" || sent == kept || kept != "" && x.now.Sub(sealed) < tokenAge {
		return
	}
	if x.browser || x.before.Owes() {
		x.takeChanges([]portal.Change{portal.TokenChange(sent, x.now)}, x.answer.User)
	}
}

var errToken = errors.New("the token can't stand in a header")

// newToken is the token in the response to a sign-in, "" for none.
func (x *exchange) newToken(res whoami.Response) (string, error) {
	token := ""
	for _, t := range x.reads {
		found, err := t.Find(res)
		switch {
		case err != nil:
			return "", err
		case found == "":
		case !portal.ValidToken(found):
			return "", errToken
		case token != "" && token != found:
			return "", errors.New("several tokens")
		default:
			token = found
		}
	}
	return token, nil
}

// presents makes the question about a response one about the credentials as they are
// with its token, or after a sign-out without any: set are then the changes with it.
func (q *inquiry) presents(x *exchange, change portal.Change) {
	delete(q.header, x.g.Bearer.Header)
	q.key, q.carries = x.takeKey(&http.Request{Host: x.r.Host, Header: q.header})
	q.set = append(q.set, change)
}

// readToken takes what the response to a sign-in or sign-out does to the visit's token
// into the question. It returns false for a response of which that can't be told.
func (x *exchange) readToken(q *inquiry, res whoami.Response) bool {
	if x.g.Bearer.Header == "" {
		return true
	}
	token, err := x.newToken(res)
	switch {
	case err != nil:
		x.g.Logger.Error("the token of a sign-in could not be read; see token under sign_in", zap.Error(err),
			zap.Int("status", res.Status), zap.String("path", x.client.URL.Path))
		return false
	case token != "":
		q.token = true
		q.presents(x, portal.TokenChange(token, x.now))
		// As a header it is asked about by itself, whatever the cookies say.
		q.header[x.g.Bearer.Header] = []string{portal.TokenValue(x.g.Bearer.Header, token)}
	case x.any(x.g.Rules.SignOut) && x.unsafe && !x.crossSite() && res.Status < http.StatusBadRequest:
		q.presents(x, portal.TokenGone())
	}
	return true
}
