package gateway

import (
	"errors"
	"maps"
	"net/http"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// tokenAge is how old the visit's token must be before a token that a script sent replaces it.
// Scripts in two tabs may use two tokens in turn.
const tokenAge = time.Minute

// rememberToken seals the token that a script sent in a header as a cookie of the visit, because
// browsers send no such header with pages and WebSockets. A request without a visit cookie starts a
// visit for it only if the user owes a code, so that there is a visit in which the code can be
// given.
func (x *exchange) rememberToken() {
	name := x.g.Bearer.Header
	if name == "" || x.before.Answer != gate.User || x.facts.CrossSite() {
		return
	}
	sent := portal.SentToken(x.facts.R.Header, name)
	kept, sealed := x.jar.Token()
	if sent == "" || sent == kept || kept != "" && x.now.Sub(sealed) < tokenAge {
		return
	}
	if x.own || x.before.Owes() {
		x.take([]portal.Change{portal.TokenChange(sent, x.now)}, x.answer.User)
	}
}

var (
	errToken  = errors.New("the token has characters that a header can't contain")
	errTokens = errors.New("several tokens")
	errNoSign = errors.New("neither a token nor a declared sign that the sign-in failed; see failed under token")
)

// newToken is the token in the response to a sign-in. Without one the response must show
// that the sign-in failed (design rule G8): a token under another name would be released.
func (x *exchange) newToken(res whoami.Response) (string, error) {
	token, failed := "", false
	for _, t := range x.facts.Tokens {
		found, err := t.Find(res)
		failed = failed || t.Failed(res)
		switch {
		case err != nil:
			return "", err
		case found == "":
		case !portal.ValidToken(found):
			return "", errToken
		case token != "" && token != found:
			return "", errTokens
		default:
			token = found
		}
	}
	if token == "" && !failed {
		return "", errNoSign
	}
	return token, nil
}

// readToken changes s, the subject of the question about a response: it adds the token that the
// response gives to the visit, or removes the one that a sign-out ends. signsIn says that the
// response has a token, which must then belong to a user. ok is false if the response can't be
// read; then it is refused.
func (x *exchange) readToken(s *subject, final bool) (signsIn, ok bool) {
	if x.g.Bearer.Header == "" {
		return false, true
	}
	res := whoami.Response{Status: x.out.Status(), Header: x.out.Portal()}
	if len(x.facts.Tokens) > 0 {
		if !final {
			return false, false // the response is too long to be read, or takes too long
		}
		body, whole := x.out.Body()
		res.Body, res.Truncated = body, !whole
		token, err := x.newToken(res)
		if err != nil {
			x.g.events.TokenUnreadable(err, res.Status, x.facts.Client.URL.Path)
			return false, false
		}
		if token != "" {
			x.presentToken(s, portal.TokenChange(token, x.now), token)
			return true, true
		}
	}
	if x.facts.Leaves && x.facts.Unsafe && !x.facts.CrossSite() && res.Status < http.StatusBadRequest {
		x.presentToken(s, portal.TokenGone(), "")
	}
	return false, true
}

// presentToken makes the subject one about the credentials with the new token, or, after a
// sign-out, without any. The question carries the token as a header, so that the portal answers
// about it and not about cookies.
func (x *exchange) presentToken(s *subject, change portal.Change, token string) {
	name := x.g.Bearer.Header
	header := maps.Clone(x.questionHeader())
	delete(header, name)
	s.pins, s.carries = x.facts.PinsOf(&http.Request{Host: x.facts.R.Host, Header: header})
	if token != "" {
		header[name] = []string{portal.TokenValue(name, token)}
		s.carries = true
	}
	s.header = func() http.Header { return header }
	s.changed = append(s.changed[:len(s.changed):len(s.changed)], change)
	s.jar = s.jar.Apply([]portal.Change{change})
}
