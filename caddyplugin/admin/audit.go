package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/audit"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/server"
	"github.com/secondgate/secondgate/internal/store"
)

// auditRoutes are the routes of the audit log; see docs/audit.md.
//
//	GET /two_factor/audit            a page of the log: AuditPage. Query: realm, user, from, to,
//	                                 limit (1 to 1000), after, newest
//	GET /two_factor/audit/export     the whole log, oldest first, as JSON lines. Query: realm, user, from, to
//	GET /two_factor/audit/verify     audit.Report. Query: head, repeatable
var auditRoutes = []caddy.AdminRoute{
	{Pattern: "/two_factor/audit", Handler: auditHandler(serveAuditList)},
	{Pattern: "/two_factor/audit/export", Handler: auditHandler(serveAuditExport)},
	{Pattern: "/two_factor/audit/verify", Handler: auditHandler(serveAuditVerify)},
}

// AuditPage is a page of the audit log. Next is the value of the parameter `after` for the
// next page, empty on the last page.
type AuditPage struct {
	Entries []audit.Line `json:"entries"`
	Next    string       `json:"next,omitempty"`
}

// auditHandler first writes all pending events to the audit log, so that serve sees them.
func auditHandler(serve serving) caddy.AdminHandlerFunc {
	return handle(func(w http.ResponseWriter, r *http.Request, s *server.Server) error {
		s.FlushAudit()
		return serve(w, r, s)
	}, http.MethodGet)
}

func serveAuditList(w http.ResponseWriter, r *http.Request, s *server.Server) error {
	q, err := auditQuery(r.URL.Query(), "limit", "after", "newest")
	if err != nil {
		return badRequest(err)
	}
	page, err := s.Store().Entries(r.Context(), q)
	if err != nil {
		return unavailable(err)
	}
	out := AuditPage{Entries: []audit.Line{}, Next: page.Next}
	for i := range page.Entries {
		out.Entries = append(out.Entries, audit.LineOf(&page.Entries[i]))
	}
	return answerJSON(w, http.StatusOK, out)
}

// serveAuditExport streams the log. After an error it aborts the connection. Otherwise the
// client would take an incomplete export for a complete one.
func serveAuditExport(w http.ResponseWriter, r *http.Request, s *server.Server) error {
	q, err := auditQuery(r.URL.Query())
	if err != nil {
		return badRequest(err)
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	if err := audit.Export(r.Context(), s.Store(), q, w); err != nil {
		if r.Context().Err() == nil {
			caddy.Log().Named("two_factor").Error("exporting the audit log failed", zap.Error(err))
		}
		panic(http.ErrAbortHandler)
	}
	return nil
}

func serveAuditVerify(w http.ResponseWriter, r *http.Request, s *server.Server) error {
	if err := onlyParameters(r.URL.Query(), "head"); err != nil {
		return badRequest(err)
	}
	heads, err := ParseHeads(r.URL.Query()["head"])
	if err != nil {
		return badRequest(err)
	}
	report, err := audit.Verify(r.Context(), s.Store(), heads...)
	if err != nil {
		return unavailable(err)
	}
	return answerJSON(w, http.StatusOK, report)
}

// ParseHeads parses heads of the audit log, written SEQ:HASH, such as 42:9f86d081….
func ParseHeads(texts []string) (heads []audit.Head, err error) {
	for _, text := range texts {
		h, err := audit.ParseHead(text)
		if err != nil {
			return nil, err
		}
		heads = append(heads, h)
	}
	return heads, nil
}

// DefaultEntries is the number of entries in a page if the request gives no limit.
const DefaultEntries = 100

// auditQuery parses the parameters of a request. All routes take realm, user, from and to.
// also names the further parameters that this route takes; others are refused.
func auditQuery(values url.Values, also ...string) (q store.EntryQuery, err error) {
	if err := onlyParameters(values, append(also, "realm", "user", "from", "to")...); err != nil {
		return q, err
	}
	q = store.EntryQuery{Realm: values.Get("realm"), User: values.Get("user"), After: values.Get("after")}
	if q.User != "" && q.Realm == "" {
		return q, errors.New("user: want realm, too: users of different realms may have the same id")
	}
	if q.From, err = auditTime("from", values.Get("from")); err != nil {
		return q, err
	}
	if q.To, err = auditTime("to", values.Get("to")); err != nil {
		return q, err
	}
	if q.Limit, err = limitOf(values, DefaultEntries, 1000); err != nil {
		return q, err
	}
	if q.Newest, err = flagOf(values, "newest"); err != nil {
		return q, err
	}
	if n, err := strconv.ParseUint(q.After, 10, 64); q.After != "" && (err != nil || n == 0) {
		return q, fmt.Errorf("after: %q is not the value of next in a page", q.After)
	}
	return q, nil
}

// auditTime parses a date (2026-11-22), a time (2026-11-22T06:15:00Z) or an age (36h, 7d).
// An empty text is the zero time.
func auditTime(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	if ago, err := config.ParseDuration(text); err == nil && ago >= 0 {
		return clock.Now().Add(-time.Duration(ago)), nil
	}
	return time.Time{}, fmt.Errorf("%s: %q is no time; want a date as 2026-11-22, a time as 2026-11-22T06:15:00Z, or 36h or 7d for so long ago", name, text)
}
