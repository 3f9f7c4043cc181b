// Package event records what happens at the gate. Each event is emitted once; the [Sink] passes
// it to the log, the report, the metrics and the audit log, depending on the event.
//
// Packages gateway and observe emit events. No event contains a code, secret, token or cookie
// value, and emitting never blocks.
package event

import (
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/meter"
	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/internal/store"
)

// Sink takes the events of one site. It is safe for concurrent use.
type Sink struct {
	Realm string
	Log   *zap.Logger
	// Book counts for the report and Meter for the metrics; both may be nil. Audit receives
	// events for the audit log that belong to no transaction; if it is nil, they are dropped.
	Book  *report.Book
	Meter *meter.Realm
	Audit func(store.Event)

	dropped, trusted, missed, taken tally
}

// Subject is the request that an event is about.
type Subject struct {
	At                   time.Time
	User                 string
	Address, Agent, Path string
}

// Event returns the subject as an entry of the audit log.
func (s *Sink) Event(kind string, about Subject, reason string) store.Event {
	return store.Event{
		At: about.At.UTC(), Kind: kind, Realm: s.Realm, User: about.User, Reason: reason,
		Address: about.Address, Agent: about.Agent,
	}
}

func (s *Sink) audit(e store.Event) {
	if s.Audit != nil {
		s.Audit(e)
	}
}

// UnknownAnswer records that whoami gave no answer. why must not quote the page.
func (s *Sink) UnknownAnswer(about Subject, why string) {
	s.Book.Note(s.Realm, report.Unknown, why)
	s.audit(store.Event{At: about.At.UTC(), Kind: store.EventUnknownAnswer, Realm: s.Realm, Reason: why})
	s.Log.Error("whoami gave no answer", zap.String("reason", why), zap.String("client_ip", about.Address))
}

// Unnamed counts requests for which the placeholder of the setting `user` was empty.
func (s *Sink) Unnamed() { s.Meter.Unnamed() }

// SignIn records that a visit was found signed in.
func (s *Sink) SignIn(about Subject) { s.audit(s.Event(store.EventSignIn, about, "")) }

// Answered records the result of whoami's questions, and how long they took.
func (s *Sink) Answered(kind gate.Answer, took time.Duration) {
	s.Meter.Answer(answerNames[kind], took)
}

var answerNames = map[gate.Answer]string{gate.User: meter.User, gate.Anonymous: meter.Anonymous, gate.Unknown: meter.Unknown}

// actionNames are the names of actions in the log and the metrics.
var actionNames = map[gate.Action]string{
	gate.Refuse: "unknown", gate.Challenge: "challenge", gate.Enrol: "enrol", gate.Guest: "guest", gate.Upgrade: "upgrade", gate.Retry: "again",
	gate.ReloadSignIn: "anew",
}

// lost is the name, in the metrics, of responses that were withheld because the clearance ended
// while the portal answered.
const lost = "lost"

// Decided records that a request (when is "before") or a response ("after") was not let through.
func (s *Sink) Decided(a gate.Action, when string, about Subject) {
	switch {
	case about.User == "":
	case a == gate.Challenge:
		s.Book.Add(s.Realm, report.UserChallenged, about.User)
	case a == gate.Enrol:
		s.Book.Add(s.Realm, report.UserEnrolled, about.User)
	}
	s.Log.Info("request held at the gate", zap.String("verdict", actionNames[a]), zap.String("judged", when),
		zap.String("user_id", about.User), zap.String("client_ip", about.Address), zap.String("path", about.Path))
}

// Withheld counts a request or response that the gate replaced by its own answer.
func (s *Sink) Withheld(a gate.Action) {
	name, known := actionNames[a]
	if !known {
		name = lost
	}
	s.Meter.Held(name)
}

// Refused records that a request was refused because it is invalid.
func (s *Sink) Refused(status int, method string, about Subject) {
	s.Log.Warn("request refused", zap.Int("status", status), zap.String("client_ip", about.Address),
		zap.String("method", method), zap.String("path", about.Path))
}

// SessionField records that a body was refused because the field has the name of a session's
// cookie.
func (s *Sink) SessionField(name string, about Subject) {
	s.Log.Warn("a form was refused: one of its fields has the name of a portal cookie, so it could carry a session",
		zap.String("field", name), zap.String("client_ip", about.Address), zap.String("path", about.Path),
		zap.String("remedy", "if the portal takes no session from this field: "+exception(name)))
}

// SessionParameter records that a parameter was taken out of an address because it has the name
// of a session's cookie. It logs the first, tenth, hundredth … of each name.
func (s *Sink) SessionParameter(name string, about Subject) {
	if n, log := s.taken.add(name); log {
		s.Log.Warn("a link has a parameter that is named as a cookie of the portal, so it could carry a session; the portal did not get it",
			zap.String("parameter", name), zap.Uint64("count", n), zap.String("client_ip", about.Address), zap.String("path", about.Path),
			zap.String("remedy", "if the portal takes no session from this parameter: "+exception(name)))
	}
}

// exception is the line of the Caddyfile that excepts a field or parameter.
func exception(name string) string {
	if strings.EqualFold(name, "session_id") {
		return "`leave session_id`"
	}
	return "`sign_in { username " + name + " }`, or, if the cookie says nothing about who is signed in, `leave " + name + "`"
}

// SeveralOperations records that a request to a declared sign-in was refused because it may have
// several GraphQL or batch operations.
func (s *Sink) SeveralOperations(about Subject) {
	s.Log.Warn("a request to a declared sign-in was refused: it has several operations, and the question after it would show the result of the last one only",
		zap.String("client_ip", about.Address), zap.String("path", about.Path),
		zap.String("remedy", "let the client send a single mutation per request to an address of sign_in, and no batches"))
}

// Failed records an internal error. what is the log message; it says what was refused because of
// the error.
func (s *Sink) Failed(what string, err error, about Subject) {
	s.Log.Error(what, zap.Error(err), zap.String("path", about.Path), zap.String("client_ip", about.Address))
}

// Panicked records an internal panic.
func (s *Sink) Panicked(what string, p any) {
	s.Log.Error(what, zap.Any("panic", p), zap.Stack("stack"))
}

// ClearanceEnded records why a clearance ended before its time. err is not nil if the store failed
// to end it.
func (s *Sink) ClearanceEnded(about Subject, why string, err error) {
	fields := []zap.Field{zap.String("user_id", about.User), zap.String("client_ip", about.Address), zap.String("reason", why)}
	if err != nil {
		s.Log.Error("clearance could not be ended in the store", append(fields, zap.Error(err))...)
		return
	}
	s.Log.Info("clearance ended", fields...)
}

// SessionOver records that a request carried cookies of a session that was ended.
func (s *Sink) SessionOver(about Subject) {
	s.Log.Info("cookies of an ended session were dropped", zap.String("user_id", about.User),
		zap.String("client_ip", about.Address), zap.String("path", about.Path))
}

// CookiesDropped counts cookies that are not forwarded to the portal because they were not sealed.
// Scripts set such cookies. If the portal needs one, the log line tells the operator to name it
// under `leave`.
func (s *Sink) CookiesDropped(names []string) {
	if len(names) == 0 {
		return
	}
	s.Meter.Dropped(len(names))
	for _, name := range names {
		s.Book.Note(s.Realm, report.CookieDropped, name)
		if n, worth := s.dropped.add(name); worth {
			s.Log.Info("an unsealed cookie was not forwarded to the portal; if the portal's scripts set it and the portal needs it, name it under leave",
				zap.String("cookie", name), zap.Uint64("count", n))
		}
	}
}

// Trusted counts a request that was forwarded verbatim.
func (s *Sink) Trusted(method, path string) {
	if n, worth := s.trusted.add(method); worth {
		s.Log.Info("request trusted and forwarded verbatim", zap.String("method", method), zap.String("path", path), zap.Uint64("count", n))
	}
}

// NotInserted counts pages into which something could not be inserted.
func (s *Sink) NotInserted(reasons []string, path string) {
	for _, why := range reasons {
		if n, worth := s.missed.add(why); worth {
			s.Log.Info("nothing was inserted into a page", zap.String("reason", why), zap.String("path", path), zap.Uint64("count", n))
		}
	}
}

// PageIncomplete records that a page with insertions was cut off.
func (s *Sink) PageIncomplete(err error, path string) {
	s.Log.Warn("a page was sent incomplete", zap.Error(err), zap.String("path", path))
}

// TokenUnreadable records that the response to a sign-in with a token was withheld because the
// token could not be read.
func (s *Sink) TokenUnreadable(err error, status int, path string) {
	s.Log.Error("the token of a sign-in could not be read; see token under sign_in", zap.Error(err),
		zap.Int("status", status), zap.String("path", path))
}

// TokenUnknown records that the response to a sign-in with a token was withheld because whoami
// recognised no user by the token.
func (s *Sink) TokenUnknown(path string) {
	s.Log.Error("whoami recognises no user by the token of a sign-in; see credential header and whoami",
		zap.String("path", path))
}

// CookieTooLong records that a cookie of the portal was dropped because it is too long to be
// sealed.
func (s *Sink) CookieTooLong() {
	s.Log.Error("a cookie of the portal is too long to be sealed and was dropped; see the portal's session settings")
}

// Measures reports whether Forwarded and NotForwarded have any effect.
func (s *Sink) Measures() bool { return s.Meter != nil }

// Forwarded counts, for a request that was forwarded, how long the gate took before that. page says
// that a browser requested it to show a page.
func (s *Sink) Forwarded(took time.Duration, page bool) {
	s.Meter.Forward(took)
	if page {
		s.Meter.Page()
	}
}

// NotForwarded counts how long the gate took to answer a request that was not forwarded.
func (s *Sink) NotForwarded(took time.Duration) { s.Meter.Refuse(took) }
