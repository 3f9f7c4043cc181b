package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/server"
	"github.com/secondgate/secondgate/internal/staff"
)

// userRoutes are the routes of the support desk; see docs/admin-api.md.
//
//	GET  /two_factor/users                 staff.Page. Query: realm, status, search, sort,
//	                                       descending, after, limit
//	GET  /two_factor/users/show            staff.Details. Query: realm, and id (exact) or search
//	POST /two_factor/users/reset           body UserAct, answer UserDone, as for the next three
//	POST /two_factor/users/unlock
//	POST /two_factor/users/end-sessions
//	POST /two_factor/users/recovery-code
var userRoutes = []caddy.AdminRoute{
	{Pattern: "/two_factor/users", Handler: deskHandler(http.MethodGet, serveUsers)},
	{Pattern: "/two_factor/users/show", Handler: deskHandler(http.MethodGet, serveUser)},
	{Pattern: "/two_factor/users/reset", Handler: actHandler(lifeless(resetUser))},
	{Pattern: "/two_factor/users/unlock", Handler: actHandler(lifeless(unlockUser))},
	{Pattern: "/two_factor/users/end-sessions", Handler: actHandler(lifeless(endUserSessions))},
	{Pattern: "/two_factor/users/recovery-code", Handler: actHandler(issueRecoveryCode)},
}

// deskHandler returns a handler for one method that calls serve with the support desk of the
// running server. Errors of the desk become a status by deskStatus.
func deskHandler(method string, serve func(w http.ResponseWriter, r *http.Request, d *staff.Desk) error) caddy.AdminHandlerFunc {
	return handle(func(w http.ResponseWriter, r *http.Request, s *server.Server) error {
		w.Header().Set("Cache-Control", "no-store")
		s.FlushAudit()
		err := serve(w, r, s.Desk())
		if err == nil || errors.As(err, new(caddy.APIError)) {
			return err
		}
		return caddy.APIError{HTTPStatus: deskStatus(err), Err: err}
	}, method)
}

func deskStatus(err error) int {
	for kind, status := range map[error]int{
		staff.ErrInput: http.StatusBadRequest, staff.ErrUnknown: http.StatusNotFound,
		staff.ErrAmbiguous: http.StatusConflict, staff.ErrRefused: http.StatusConflict,
	} {
		if errors.Is(err, kind) {
			return status
		}
	}
	return http.StatusServiceUnavailable
}

func serveUsers(w http.ResponseWriter, r *http.Request, d *staff.Desk) error {
	q, err := userQuery(r.URL.Query())
	if err != nil {
		return badRequest(err)
	}
	page, err := d.List(r.Context(), q)
	if err != nil {
		return err
	}
	return answerJSON(w, http.StatusOK, page)
}

func userQuery(values url.Values) (q staff.Query, err error) {
	if err := onlyParameters(values, "realm", "status", "search", "sort", "descending", "after", "limit"); err != nil {
		return q, err
	}
	q = staff.Query{
		Realm: values.Get("realm"), Status: staff.Status(values.Get("status")), Search: values.Get("search"),
		Sort: staff.Sort(values.Get("sort")), After: values.Get("after"),
	}
	if q.Descending, err = flagOf(values, "descending"); err != nil {
		return q, err
	}
	q.Limit, err = limitOf(values, staff.DefaultLimit, staff.MaxLimit)
	return q, err
}

// serveUser answers with one user. The id is a query parameter, not part of the path, because
// ids may contain any character.
func serveUser(w http.ResponseWriter, r *http.Request, d *staff.Desk) error {
	values := r.URL.Query()
	if err := onlyParameters(values, "realm", "id", "search"); err != nil {
		return badRequest(err)
	}
	realm, id := values.Get("realm"), values.Get("id")
	if values.Has("id") == values.Has("search") {
		return badRequest(errors.New("want either id, the exact id, or search, the beginning of a name, id or e-mail address"))
	}
	if values.Has("search") {
		found, err := d.Find(r.Context(), realm, values.Get("search"))
		if err != nil {
			return err
		}
		realm, id = found.Realm, found.ID
	}
	details, err := d.Show(r.Context(), realm, id)
	if err != nil {
		return err
	}
	return answerJSON(w, http.StatusOK, details)
}

// UserAct is the body of a request that changes a user.
type UserAct struct {
	Realm  string `json:"realm,omitempty"`
	User   string `json:"user"`
	Staff  string `json:"staff"`
	Reason string `json:"reason"`
	// Life is how long a recovery code is valid, such as 24h or 7d. Only for recovery-code.
	Life string `json:"life,omitempty"`
}

// UserDone is the answer to a request that changes a user.
type UserDone struct {
	Realm string `json:"realm"`
	User  string `json:"user"`
	// SessionsEnded is the number of sessions that the request ended.
	SessionsEnded int `json:"sessions_ended"`
	// Code is the recovery code, Expires the end of its validity. The code can't be read
	// again later: the store has only its hash.
	Code    string    `json:"code,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
}

// act is an operation of the desk on one user. It fills in out.
type act func(ctx context.Context, d *staff.Desk, a staff.Act, in UserAct, out *UserDone) error

// actHandler returns a handler that reads a UserAct and calls do. If the client disconnects,
// do is not cancelled: staff would not know whether the change was made.
func actHandler(do act) caddy.AdminHandlerFunc {
	return deskHandler(http.MethodPost, func(w http.ResponseWriter, r *http.Request, d *staff.Desk) error {
		in, err := readJSON[UserAct](w, r, "realm, user, staff, reason (and life) as JSON")
		if err != nil {
			return err
		}
		if in.Realm, err = d.Realm(in.Realm); err != nil {
			return err
		}
		a := staff.Act{Realm: in.Realm, User: in.User, Staff: in.Staff, Reason: in.Reason, Address: remoteHost(r)}
		out := UserDone{Realm: in.Realm, User: in.User}
		if err := do(context.WithoutCancel(r.Context()), d, a, in, &out); err != nil {
			return err
		}
		return answerJSON(w, http.StatusOK, out)
	})
}

// remoteHost returns the client's address without the port, or "" for a Unix socket.
func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

// lifeless returns an act that refuses the field life. Only a recovery code has one.
func lifeless(do act) act {
	return func(ctx context.Context, d *staff.Desk, a staff.Act, in UserAct, out *UserDone) error {
		if in.Life != "" {
			return badRequest(errors.New("life: it is for recovery codes only"))
		}
		return do(ctx, d, a, in, out)
	}
}

func resetUser(ctx context.Context, d *staff.Desk, a staff.Act, _ UserAct, out *UserDone) (err error) {
	out.SessionsEnded, err = d.Reset(ctx, a)
	return err
}

func unlockUser(ctx context.Context, d *staff.Desk, a staff.Act, _ UserAct, _ *UserDone) error {
	return d.Unlock(ctx, a)
}

func endUserSessions(ctx context.Context, d *staff.Desk, a staff.Act, _ UserAct, out *UserDone) (err error) {
	out.SessionsEnded, err = d.EndSessions(ctx, a)
	return err
}

func issueRecoveryCode(ctx context.Context, d *staff.Desk, a staff.Act, in UserAct, out *UserDone) (err error) {
	life := config.Duration(staff.DefaultRecoveryLife)
	if in.Life != "" {
		if life, err = config.ParseDuration(in.Life); err == nil && life <= 0 {
			err = fmt.Errorf("%q is not a duration", in.Life)
		}
		if err != nil {
			return badRequest(fmt.Errorf("life: %w", err))
		}
	}
	out.Code, out.Expires, err = d.RecoveryCode(ctx, a, time.Duration(life))
	return err
}
