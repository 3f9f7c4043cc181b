package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/staff"
)

// userRoutes are the endpoint's for the support desk; see docs/admin-api.md.
//
//	GET  /two_factor/users                 staff.Page. Query: realm, status, search, sort,
//	                                       descending, after, limit
//	GET  /two_factor/users/show            staff.Details. Query: realm, and id (exact) or search
//	POST /two_factor/users/reset           UserAct in, UserDone out; likewise:
//	POST /two_factor/users/unlock
//	POST /two_factor/users/end-sessions
//	POST /two_factor/users/recovery-code
var userRoutes = []caddy.AdminRoute{
	{Pattern: "/two_factor/users", Handler: deskHandler(http.MethodGet, serveUsers)},
	{Pattern: "/two_factor/users/show", Handler: deskHandler(http.MethodGet, serveUser)},
	{Pattern: "/two_factor/users/reset", Handler: actHandler(resetUser)},
	{Pattern: "/two_factor/users/unlock", Handler: actHandler(unlockUser)},
	{Pattern: "/two_factor/users/end-sessions", Handler: actHandler(endUserSessions)},
	{Pattern: "/two_factor/users/recovery-code", Handler: actHandler(issueRecoveryCode)},
}

// deskHandler finds the running configuration's desk, and says in the status what kind
// of refusal its errors are.
func deskHandler(method string, serve func(w http.ResponseWriter, r *http.Request, d *staff.Desk) error) caddy.AdminHandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.Method != method {
			w.Header().Set("Allow", method)
			return caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: fmt.Errorf("method %s is not allowed here; want %s", r.Method, method)}
		}
		s, err := running()
		if err != nil {
			return unavailable(err)
		}
		w.Header().Set("Cache-Control", "no-store")
		s.FlushAudit()
		err = serve(w, r, s.Desk())
		if err == nil || errors.As(err, new(caddy.APIError)) {
			return err
		}
		return caddy.APIError{HTTPStatus: deskStatus(err), Err: err}
	}
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
	if v := values.Get("descending"); v != "" {
		if q.Descending, err = strconv.ParseBool(v); err != nil {
			return q, fmt.Errorf("descending: %q is neither true nor false", v)
		}
	}
	if v := values.Get("limit"); v != "" {
		if q.Limit, err = strconv.Atoi(v); err != nil || q.Limit == 0 {
			return q, fmt.Errorf("limit: %q is not a number from 1 to %d", v, staff.MaxLimit)
		}
	}
	return q, nil
}

// serveUser takes ids in the query, where they may hold any character.
func serveUser(w http.ResponseWriter, r *http.Request, d *staff.Desk) error {
	values := r.URL.Query()
	if err := onlyParameters(values, "realm", "id", "search"); err != nil {
		return badRequest(err)
	}
	realm, id := values.Get("realm"), values.Get("id")
	if values.Has("id") == values.Has("search") {
		return badRequest(errors.New("want either id, which is exact, or search, by which one user is found"))
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

// UserAct is the body of an act.
type UserAct struct {
	Realm  string `json:"realm,omitempty"`
	User   string `json:"user"`
	Staff  string `json:"staff"`
	Reason string `json:"reason"`
	// Life is a recovery code's, as 24h or 7d.
	Life string `json:"life,omitempty"`
}

// UserDone says what an act did.
type UserDone struct {
	Realm string `json:"realm"`
	User  string `json:"user"`
	// SessionsEnded is how many sessions ended.
	SessionsEnded int `json:"sessions_ended"`
	// Code is the recovery code, Expires its end. It is told here and nowhere else.
	Code    string    `json:"code,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
}

// maxAct bounds a body, in bytes.
const maxAct = 64 << 10

// errMediaType refuses what a page of another site could send from a browser on this
// machine: it may post forms and text anywhere, but not JSON.
var errMediaType = caddy.APIError{
	HTTPStatus: http.StatusUnsupportedMediaType, Err: errors.New("want a body with Content-Type: application/json"),
}

// actHandler reads an act and carries it out. Who hangs up does not stop it half-way:
// staff would not know what was done.
func actHandler(do func(ctx context.Context, d *staff.Desk, a staff.Act, in UserAct, out *UserDone) error) caddy.AdminHandlerFunc {
	return deskHandler(http.MethodPost, func(w http.ResponseWriter, r *http.Request, d *staff.Desk) error {
		in, err := readAct(w, r)
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

func readAct(w http.ResponseWriter, r *http.Request) (in UserAct, err error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return in, errMediaType
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAct))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return in, badRequest(fmt.Errorf("reading the body: %w; want realm, user, staff, reason (and life) as JSON", err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return in, badRequest(errors.New("there is something behind the JSON of the body"))
	}
	return in, nil
}

// remoteHost is where a request comes from; nothing over a Unix socket.
func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

func resetUser(ctx context.Context, d *staff.Desk, a staff.Act, in UserAct, out *UserDone) (err error) {
	if err := in.lifeless(); err != nil {
		return err
	}
	out.SessionsEnded, err = d.Reset(ctx, a)
	return err
}

func unlockUser(ctx context.Context, d *staff.Desk, a staff.Act, in UserAct, _ *UserDone) error {
	if err := in.lifeless(); err != nil {
		return err
	}
	return d.Unlock(ctx, a)
}

func endUserSessions(ctx context.Context, d *staff.Desk, a staff.Act, in UserAct, out *UserDone) (err error) {
	if err := in.lifeless(); err != nil {
		return err
	}
	out.SessionsEnded, err = d.EndSessions(ctx, a)
	return err
}

func issueRecoveryCode(ctx context.Context, d *staff.Desk, a staff.Act, in UserAct, out *UserDone) error {
	life := staff.DefaultRecoveryLife
	if in.Life != "" {
		parsed, err := config.ParseDuration(in.Life)
		if err == nil && parsed <= 0 {
			err = fmt.Errorf("%q is no time to live", in.Life)
		}
		if err != nil {
			return badRequest(fmt.Errorf("life: %w", err))
		}
		life = time.Duration(parsed)
	}
	code, until, err := d.RecoveryCode(ctx, a, life)
	out.Code, out.Expires = code, until
	return err
}

// lifeless refuses a life where there is nothing that could have one.
func (in UserAct) lifeless() error {
	if in.Life != "" {
		return badRequest(errors.New("life: only a recovery code has one"))
	}
	return nil
}
