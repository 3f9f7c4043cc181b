package operations

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/audit"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// auditedGlobal are the global options of a server with a readable audit log.
const auditedGlobal = `{
	admin 127.0.0.1:ADMIN
	persist_config off
	auto_https off
	log {
		output file LOG
		level DEBUG
	}
	LOGS
	servers {
		trusted_proxies static 127.0.0.2/32
	}
	two_factor {
		storage memory DIR
		admin_api tcp
		GLOBAL
	}
}
http://127.0.0.1:PORT {
	bind 127.0.0.1
	two_factor {
		LINES
	}
	reverse_proxy PORTAL
}
`

// world is a server before a portal, and its audit log.
type world struct {
	*harness.Harness
	t     *testing.T
	admin string
	// logs and global are more global options: of Caddy, and of two_factor.
	logs, global string
}

func startAudited(t *testing.T, portal http.Handler, change ...func(*world)) *world {
	t.Helper()
	w := &world{t: t, admin: "127.0.0.1:" + harness.FreePort(t)}
	for _, fn := range change {
		fn(w)
	}
	w.Harness = harness.StartWhole(t, portal, w.text(harness.LegacyLines))
	return w
}

func (w *world) text(lines string) string {
	return strings.NewReplacer("127.0.0.1:ADMIN", w.admin, "LOGS", w.logs, "GLOBAL", w.global, "LINES", lines).Replace(auditedGlobal)
}

// get asks the admin API.
func (w *world) get(path string, out any) int {
	w.t.Helper()
	res, err := http.Get("http://" + w.admin + path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		w.t.Fatalf("%s: %d %v", path, res.StatusCode, err)
	}
	return res.StatusCode
}

// events are all that were recorded until now.
func (w *world) events() (events []store.Event) {
	w.t.Helper()
	var page struct {
		Entries []audit.Line `json:"entries"`
		Next    string       `json:"next"`
	}
	if status := w.get("/two_factor/audit?limit=1000", &page); status != http.StatusOK || page.Next != "" {
		w.t.Fatalf("%d, next %q", status, page.Next)
	}
	for _, l := range page.Entries {
		e, err := store.UnmarshalEvent(l.Event)
		if err != nil {
			w.t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// kinds are what was recorded about a user, in order.
func (w *world) kinds(user string) (kinds []string) {
	w.t.Helper()
	for _, e := range w.events() {
		if e.User == user {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}

// reload loads the server's configuration as it now is.
func (w *world) reload() {
	w.t.Helper()
	if err := w.TryWhole(w.text(harness.LegacyLines)); err != nil {
		w.t.Fatal(err)
	}
}
