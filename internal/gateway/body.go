package gateway

import (
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"

	"github.com/secondgate/secondgate/internal/gateway/request"
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
		return !x.inBody(f.Name) || ticks(f)
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
	if body.SessionName(name) || x.sessionName(name) {
		return true
	}
	for _, declared := range x.g.site.BodyNames() {
		if cookie.Same(declared, name) {
			return true
		}
	}
	return false
}

// sessionName reports whether the portal could take a field or parameter of this name for one of
// its cookies, in this visit or any other. Fields of sign_in and CSRF tokens are excepted,
// because they may have the names of cookies.
func (x *exchange) sessionName(name string) bool {
	if !x.jar.HasName(name) && !x.g.Visits.Names.Takes(x.g.Realm, name) {
		return false
	}
	return !forgeryToken.MatchString(name) && !x.fieldOfSignIn(name)
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
