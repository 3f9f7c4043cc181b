package repository

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/secondgate/secondgate/"

// allowed lists, for each package, the packages of this project that it may import, with those
// below them, besides those below itself; "*" is any. Packages that are not listed may import
// none.
var allowed = map[string][]string{
	"internal/clock": {}, "internal/meter": {}, "internal/clockdrift": {}, "internal/timesource": {}, "internal/keys": {}, "internal/gate": {}, "internal/store": {},
	"templates": {}, "internal/demoportal": {}, "internal/contentcoding": {}, "internal/directive": {}, "internal/disk": {}, "internal/network": {},
	"config":                         {"internal/directive", "internal/portal/exempt"},
	"internal/portal/exempt":         {"internal/portal/route"},
	"internal/store/kv/kvtest":       {"internal/store/kv"},
	"internal/store/memory":          {"internal/store/kv"},
	"internal/store/records":         {"internal/store"},
	"internal/store/badger":          {"internal/disk", "internal/store"},
	"internal/store/witness":         {"internal/keys", "internal/store"},
	"internal/throttle":              {"internal/network", "internal/store"},
	"internal/report":                {"internal/store"},
	"internal/audit":                 {"internal/store"},
	"internal/rotation":              {"internal/store", "internal/keys", "internal/factor"},
	"internal/backup":                {"internal/store", "internal/keys", "internal/factor", "internal/rotation"},
	"internal/factor":                {"internal/clockdrift", "internal/keys", "internal/meter", "internal/notice", "internal/session", "internal/store", "internal/throttle"},
	"internal/session":               {"internal/store"},
	"internal/transfer":              {"internal/factor", "internal/store"},
	"internal/portal/whoami":         {"config", "internal/contentcoding"},
	"internal/portal":                {"internal/contentcoding", "internal/gate", "internal/keys"},
	"internal/userpages/agent":       {},
	"internal/userpages/guard":       {"internal/userpages/cookiestate", "templates"},
	"internal/staff":                 {"internal/factor", "internal/store"},
	"internal/notice":                {"internal/store"},
	"internal/mail":                  {"internal/store"},
	"internal/userpages/cookiestate": {"internal/portal/cookie", "internal/store"},
	"internal/userpages":             {"internal/factor", "internal/notice", "internal/store", "internal/session", "internal/throttle", "templates"},
	"internal/staffpages":            {"internal/staff", "internal/store", "internal/userpages/agent", "internal/userpages/guard", "internal/userpages/cookiestate", "templates"},
	"internal/onboard/browse":        {"internal/contentcoding", "internal/portal/cookie"},
	"internal/onboard/direct":        {"config", "internal/onboard/browse", "internal/portal"},
	"internal/onboard/inspect":       {"config", "internal/onboard/browse", "internal/onboard/direct", "internal/portal"},
	"internal/onboard/check":         {"config", "internal/onboard/browse", "internal/onboard/direct", "internal/portal"},
	"internal/insert":                {"internal/contentcoding"},
	"internal/portal/body":           {"internal/contentcoding", "internal/portal/cookie"},
	"internal/gateway/spool":         {"internal/disk", "internal/network"},
	"internal/gateway/users":         {"internal/portal", "internal/session", "internal/store"},
	"internal/gateway/event":         {"internal/gate", "internal/meter", "internal/report", "internal/store"},
	"internal/gateway/request":       {"internal/gateway/spool", "internal/portal"},
	"internal/gateway/response":      {"internal/gate", "internal/gateway/spool", "internal/insert"},
	"internal/gateway/visits":        {"internal/gate", "internal/gateway/spool", "internal/network", "internal/portal", "internal/session", "internal/store"},
	"internal/gateway/observe": {"internal/gate", "internal/gateway/event", "internal/gateway/request", "internal/gateway/users", "internal/gateway/visits",
		"internal/portal", "internal/report", "internal/session", "internal/userpages"},
	"internal/gateway": {"internal/gate", "internal/insert", "internal/meter", "internal/portal", "internal/report", "internal/session", "internal/store", "internal/userpages"},
	"internal/server": {"config", "internal/audit", "internal/backup", "internal/clock", "internal/clockdrift", "internal/factor", "internal/gateway", "internal/insert", "internal/keys",
		"internal/mail", "internal/meter", "internal/notice", "internal/portal", "internal/report", "internal/rotation", "internal/session",
		"internal/staff", "internal/staffpages", "internal/store", "internal/throttle", "internal/timesource", "internal/userpages", "templates"},
	"caddyplugin/caddyfile": {"config", "internal/directive"},
	"caddyplugin/secret":    {"internal/server"},
	"caddyplugin/admin":     {"config", "internal"},
	"caddyplugin/storage":   {"internal"},
	"caddyplugin/routes":    {"config", "internal/portal"},
	"caddyplugin/upstreams": {"caddyplugin/routes", "config", "internal/onboard/check"},
	"caddyplugin/cli":       {"caddyplugin/admin", "caddyplugin/secret", "caddyplugin/storage", "config", "internal"},
	"caddyplugin":           {"*"}, "cmd/secondgate": {"*"},
}

// pure are packages with nothing but the standard library.
var pure = []string{"internal/gate", "internal/store", "internal/store/kv", "internal/store/memory", "internal/clock", "internal/directive", "internal/keys", "internal/clockdrift", "internal/session"}

type pkg struct {
	ImportPath string
	Imports    []string
}

// TestLayout checks which packages may import which, and that Caddy is imported only below
// caddyplugin/ and by cmd.
func TestLayout(t *testing.T) {
	for _, p := range packages(t) {
		name, ours := strings.CutPrefix(p.ImportPath, module)
		if !ours || strings.HasPrefix(name, "test/") || strings.HasPrefix(name, "templates/") {
			continue
		}
		for _, i := range p.Imports {
			check(t, name, i)
		}
	}
}

func check(t *testing.T, name, imported string) {
	t.Helper()
	own, ours := strings.CutPrefix(imported, module)
	standard := !strings.Contains(strings.Split(imported, "/")[0], ".")
	switch {
	case ours && !mayImport(name, own):
		t.Errorf("%s imports %s", name, own)
	case strings.HasPrefix(imported, "github.com/caddyserver/") && !strings.HasPrefix(name+"/", "caddyplugin/") && name != "cmd/secondgate":
		t.Errorf("%s imports Caddy (%s)", name, imported)
	case !ours && !standard && slices.Contains(pure, name):
		t.Errorf("%s imports %s, and may import the standard library only", name, imported)
	}
}

func mayImport(name, own string) bool {
	return slices.ContainsFunc(append([]string{name}, allowed[name]...), func(a string) bool {
		return a == "*" || a == own || strings.HasPrefix(own, a+"/")
	})
}

func packages(t *testing.T) (all []pkg) {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
