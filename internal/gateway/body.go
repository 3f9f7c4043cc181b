package gateway

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/body"
	"github.com/secondgate/secondgate/internal/portal/cookie"
)

// checkBody refuses a body that carries a session id or a token: no question carries a body, so
// the portal could recognise a user who was not asked about. A field that repeats the request's
// own cookie of that name is allowed, because double-submit protection sends it. checkBody also
// refuses several operations in one sign-in, and sets fillsIn. It returns the status of the
// refusal, or 0.
func (x *exchange) checkBody() (int, error) {
	if x.queriesSeveral() {
		x.g.events.SeveralOperations(x.about(""))
		return http.StatusForbidden, nil
	}
	if !request.HasBody(x.facts.R) {
		return 0, nil
	}
	if err := x.readBody(); err != nil {
		return 0, err
	}
	open := func() io.Reader { return io.NewSectionReader(x.body, 0, x.body.Size()) }
	fields, err := body.Scan(x.facts.R.Header, open, x.wantedField)
	switch {
	case errors.Is(err, body.ErrUnreadable):
		return http.StatusUnsupportedMediaType, nil
	case errors.Is(err, body.ErrTooLong):
		return http.StatusRequestEntityTooLarge, nil
	case err != nil:
		return 0, err
	}
	if x.facts.SignIn && (isGraphQL(x.facts.R.Header) || several(fields)) {
		x.g.events.SeveralOperations(x.about(""))
		return http.StatusForbidden, nil
	}
	fields = slices.DeleteFunc(fields, func(f body.Field) bool {
		x.fillsIn = x.fillsIn || x.fieldOfSignIn(f.Name) && !x.inBody(f.Name)
		return !x.inBody(f.Name) || x.harmless(f)
	})
	if !body.Allowed(fields, x.ownCookie) {
		i := slices.IndexFunc(fields, func(f body.Field) bool { return !x.ownCookie(f.Name, f.Value) })
		x.g.events.SessionField(fields[i].Name, x.about(""))
		return http.StatusForbidden, nil
	}
	return 0, nil
}

// wantedField selects the fields that body.Scan returns: those that may be credentials, sign_in's
// fields at any address, and at a sign-in those that may hold several operations.
func (x *exchange) wantedField(name string) bool {
	return x.inBody(name) || x.fieldOfSignIn(name) || x.facts.SignIn && operations(name)
}

// inBody reports whether the portal could know a user by a field of this name.
func (x *exchange) inBody(name string) bool {
	if body.SessionName(name) && !x.exceptedID(name) || x.sessionName(name) {
		return true
	}
	return x.declared(name)
}

// declared reports whether the site's declared parameters include the name.
func (x *exchange) declared(name string) bool {
	return slices.ContainsFunc(x.g.site.BodyNames(), func(declared string) bool { return cookie.Same(declared, name) })
}

// exceptedID reports whether the name is `session_id` and the operator declared that the portal
// takes no session from it. The other usual names have no exception.
func (x *exchange) exceptedID(name string) bool {
	return cookie.Same(name, "session_id") && (x.g.CookiePolicy.Names(name) || x.fieldOfSignIn(name))
}

// sessionName reports whether the portal could take a field or parameter of this name for one of
// its cookies, in this visit or any other. Excepted are fields of sign_in and CSRF tokens, because
// they may have the names of cookies, and cookies under `leave`, which may have been learned
// before they were named there.
func (x *exchange) sessionName(name string) bool {
	if _, takes := x.g.Visits.Names.Takes(x.g.Realm, name); !takes && !x.jar.HasName(name) {
		return false
	}
	return !forgeryToken.MatchString(name) && !x.fieldOfSignIn(name) && !x.g.CookiePolicy.Names(name)
}

// sessionParameter is sessionName for the request's address. A parameter passes if the name's
// values are encoded and nothing in the address is.
func (x *exchange) sessionParameter(name string) bool {
	if !x.sessionName(name) {
		return false
	}
	form, _ := x.g.Visits.Names.Takes(x.g.Realm, name)
	if form.Encoded && !x.encodedInAddress() {
		return false
	}
	x.g.events.SessionParameter(name, x.about(""))
	return true
}

// encodedInAddress reports whether the address may contain an encoded value. It decodes the
// address once; what is encoded twice, or malformed, may be one.
func (x *exchange) encodedInAddress() bool {
	for _, u := range []*url.URL{x.facts.R.URL, x.facts.Client.URL} {
		text, err := url.QueryUnescape(u.EscapedPath() + "?" + u.RawQuery)
		if err != nil || strings.Contains(text, "%") || visits.MayBeEncoded(text) {
			return true
		}
	}
	return false
}

// harmless reports whether a field with the name of a session's cookie can't carry the session,
// by its value: the check box "stay signed in", or a value of another form than the cookie's.
func (x *exchange) harmless(f body.Field) bool {
	if ticks(f) {
		return true
	}
	form, takes := x.g.Visits.Names.Takes(x.g.Realm, f.Name)
	if !takes || body.SessionName(f.Name) || x.declared(f.Name) {
		return false
	}
	return form.Lasting && tick.MatchString(f.Value) ||
		form.Encoded && !strings.HasPrefix(f.Value, "\x00") && !strings.Contains(f.Value, "%") && !visits.MayBeEncoded(f.Value)
}

// forgeryToken are the fields of frameworks with a cookie of the same name and another value:
// Express, Yii, ASP.NET.
var forgeryToken = regexp.MustCompile(`(?i)^_?[cx]srf([-_]?token)?$|^__RequestVerificationToken`)

// ticks reports whether a field is the check box "stay signed in", judged by its name and value.
// It is no session id, although Redmine, Spring Security and Shiro name it like the cookie that
// it requests.
func ticks(f body.Field) bool {
	return stayName.MatchString(f.Name) && tick.MatchString(f.Value)
}

var (
	stayName = regexp.MustCompile(`(?i)^(auto_?log_?in|(user)?[-_]?remember([-_]?(me|user|login))?)$`)
	tick     = regexp.MustCompile(`(?i)^(|[01]|on|off|true|false|yes|no)$`)
)

func (x *exchange) fieldOfSignIn(name string) bool {
	return slices.ContainsFunc(x.g.site.Rules.Fields, func(field string) bool { return cookie.Same(field, name) })
}

// learn passes the cookies that the portal set to Visits.Names, which remembers the names of those
// that may carry a session. sessionName looks them up.
func (x *exchange) learn(set []portal.Change) {
	for _, ch := range set {
		if ch.Class == portal.Sealed && !ch.Delete {
			x.g.Visits.Names.Learn(x.g.Realm, &ch.Cookie, x.sentValue)
		}
	}
}

// sentValue reports whether the request contained value, to which its response sets a cookie. The
// client chose such a value, so it is no session id of the portal (see [visits.Names.Learn]).
func (x *exchange) sentValue(value string) bool {
	var beginning []byte
	if x.body != nil {
		beginning = make([]byte, request.MaxBrought)
		n, err := x.body.ReadAt(beginning, 0)
		if err == nil && x.body.Size() > request.MaxBrought {
			return true // it may be in the part that was not read
		}
		beginning = beginning[:n]
	}
	return request.Brings(x.facts.R, beginning, value)
}

// ownCookie reports whether a field of a body only repeats a cookie of the request.
func (x *exchange) ownCookie(name, value string) bool { return x.jar.Repeats(x.path, name, value) }
