package admin

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/server"
	"github.com/secondgate/secondgate/internal/staff"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/transfer"
)

// transferRoutes are the routes of import and export. Both take these parameters: realm
// (optional if there is only one), format (csv or jsonl), staff, and reason (optional for an
// import). Both require the format's media type as Content-Type.
//
//	POST /two_factor/import?…&replace=never|skip|always&dry_run=true&source=NAME
//	    The body is the file. The answer is JSON lines of transfer.Message.
//	POST /two_factor/export?…
//	    The answer is the file. If the connection breaks off, the file is incomplete.
var transferRoutes = []caddy.AdminRoute{
	{Pattern: "/two_factor/import", Handler: handle(serveImport, http.MethodPost)},
	{Pattern: "/two_factor/export", Handler: handle(serveExport, http.MethodPost)},
}

// transferring is what the handlers of import and export both read from a request.
type transferring struct {
	server *server.Server
	realm  *server.Realm
	format string
	event  store.Event
}

// newTransferring parses the request of an import or export. reasoned makes the parameter
// reason mandatory. also names the parameters that only this route takes. Unknown ones are
// refused: if dry_run were misspelt and ignored, the import would write.
func newTransferring(r *http.Request, s *server.Server, reasoned bool, also ...string) (t *transferring, err error) {
	q := r.URL.Query()
	t = &transferring{server: s, format: q.Get("format")}
	if err := checkKind(r, t.format); err != nil {
		return nil, err
	}
	if err := onlyParameters(q, append(also, "realm", "format", "staff", "reason")...); err != nil {
		return nil, badRequest(err)
	}
	if t.realm, err = s.Realm(q.Get("realm")); err != nil {
		return nil, badRequest(err)
	}
	if t.event, err = actor(q, reasoned); err != nil {
		return nil, badRequest(err)
	}
	t.event.Realm = t.realm.Name
	return t, nil
}

// checkKind returns an error unless Content-Type is the format's media type, even for an
// export, which has no body. A page of another site can make a browser on this machine post
// forms and text here, but not these types.
func checkKind(r *http.Request, format string) error {
	if err := transfer.CheckFormat(format); err != nil {
		return badRequest(err)
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != MediaTypes[format] {
		return caddy.APIError{HTTPStatus: http.StatusUnsupportedMediaType, Err: fmt.Errorf("want Content-Type: %s for format %s", MediaTypes[format], format)}
	}
	return nil
}

// MediaTypes are the media types of the formats of an import and an export.
var MediaTypes = map[string]string{transfer.CSV: "text/csv", transfer.JSONL: "application/x-ndjson"}

// actor returns an audit event with the parameters staff and reason. They have the same
// limits as at the support desk.
func actor(q url.Values, reasoned bool) (store.Event, error) {
	name, reason := strings.TrimSpace(q.Get("staff")), strings.TrimSpace(q.Get("reason"))
	if n := utf8.RuneCountInString(name); n < 1 || n > staff.MaxStaff || !staff.OneLine(name) {
		return store.Event{}, fmt.Errorf("staff: want the name of the person who does this, on one line of at most %d characters; it is recorded in the audit log", staff.MaxStaff)
	}
	n := utf8.RuneCountInString(reason)
	if (reasoned || n > 0) && n < staff.MinReason || n > staff.MaxReason || !staff.OneLine(reason) {
		return store.Event{}, fmt.Errorf("reason: want a few words that say why, on one line of %d to %d characters; they are recorded in the audit log", staff.MinReason, staff.MaxReason)
	}
	return store.Event{Staff: name, Reason: reason, At: clock.Now().UTC()}, nil
}

// patient removes the read deadline of ten seconds that Caddy's admin endpoint sets for each
// request. After that deadline the rest of a body could not be read, and a closed connection
// would not be noticed.
func patient(w http.ResponseWriter) error {
	if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("taking time for the request: %w", err)
	}
	return nil
}
