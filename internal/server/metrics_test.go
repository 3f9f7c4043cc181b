package server

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/clockdrift"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
	"github.com/secondgate/secondgate/internal/timesource"
)

// directory is a Storage.
type directory string

func (d directory) Key() (string, error)     { return string(d), nil }
func (d directory) KeyFile() (string, error) { return filepath.Join(string(d), "master.key"), nil }
func (d directory) Open(log *zap.Logger) (store.Store, error) {
	return badger.Open(filepath.Join(string(d), "store"), badger.Options{Logger: log, Clock: clock.Now})
}

// watched is a server with an open store, realm "one", and a log that is kept.
func watched(t *testing.T) (*Server, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	e, err := openEngine(directory(t.TempDir()), zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &Server{engine: e, meters: newMeters()}
	s.meter("one")
	return s, logs
}

// gather returns what a scrape would read from a pedantic registry, as Caddy's is.
func gather(t *testing.T, s *Server) map[string][]string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(collector{s}); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string][]string)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			out[f.GetName()] = append(out[f.GetName()], m.String())
		}
	}
	return out
}

var described = regexp.MustCompile(`fqName: "(\w+)".*variableLabels: \{([^}]*)\}`)

// registered returns the registered metrics with their labels.
func registered(t testing.TB) map[string][]string {
	t.Helper()
	out := make(map[string][]string)
	descriptions := make(chan *prometheus.Desc, 100)
	collector{}.Describe(descriptions)
	close(descriptions)
	for d := range descriptions {
		m := described.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("unreadable: %s", d)
		}
		out[m[1]] = nil
		for _, l := range strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' }) {
			// A label with fixed values is written c(NAME).
			out[m[1]] = append(out[m[1]], strings.TrimSuffix(strings.TrimPrefix(l, "c("), ")"))
		}
	}
	return out
}

// TestEveryMetricIsShown: with all features in use, a scrape shows every registered metric.
func TestEveryMetricIsShown(t *testing.T) {
	s, _ := watched(t)
	w := s.engine.watch
	w.mu.Lock()
	w.users["one"] = store.UserCount{Activated: 3, NotActivated: 4}
	w.ready = map[string]bool{checkStore: true}
	w.storage = storageLook{known: true, used: 1, free: 2, backup: time.Now()}
	w.mu.Unlock()
	s.meters.mode("one", "enforce")
	w.clock.mu.Lock()
	w.clock.address, w.clock.at, w.clock.reading = "ntp.example.com:123", time.Now(), timesource.Reading{Offset: 3 * time.Second}
	w.clock.mu.Unlock()
	late(s, clockdrift.MinUsers, 40*time.Second)
	shown := gather(t, s)
	for name := range registered(t) {
		if len(shown[name]) == 0 {
			t.Errorf("%s is registered and not shown", name)
		}
	}
	if n := len(shown["caddy_two_factor_users"]); n != 2 {
		t.Errorf("%d series of users: %v", n, shown["caddy_two_factor_users"])
	}
}

// late has so many users give codes of that age.
func late(s *Server, users int, age time.Duration) {
	for i := range users {
		s.engine.drift.Note("one", string(rune('a'+i)), age, clockdrift.Period)
	}
}

// TestChecks: each check fails by itself, in words that are the same everywhere.
func TestChecks(t *testing.T) {
	s, _ := watched(t)
	ring := func() *keys.Ring {
		r, err := keys.Parse(keys.Generate())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	s.ring = ring()
	release, err := s.engine.keeper.Admit(t.Context(), s.ring)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	problems := func() map[string]string {
		out := make(map[string]string)
		for _, c := range s.checks(t.Context()) {
			out[c.Name] = c.Problem
		}
		return out
	}
	if got := problems(); !maps.Equal(got, map[string]string{checkStore: "", checkKeys: "", checkUsers: "", checkCopy: "", checkClock: ""}) {
		t.Errorf("all is well: %v", got)
	}
	right := s.ring
	s.ring = ring()
	if got := problems(); !maps.Equal(got, map[string]string{checkStore: "", checkKeys: "don't open the store", checkUsers: "", checkCopy: "", checkClock: ""}) {
		t.Errorf("with other keys: %v", got)
	}
	s.ring = right
	if err := s.engine.store.Close(); err != nil {
		t.Fatal(err)
	}
	if got := problems(); got[checkStore] != "can't be written" || got[checkKeys] == "" || got[checkClock] != "" {
		t.Errorf("with a closed store: %v", got)
	}
	if n := len(gather(t, s)["caddy_two_factor_store_errors_total"]); n != 3 {
		t.Errorf("%d series of store errors", n)
	}
	if text := strings.Join(gather(t, s)["caddy_two_factor_store_errors_total"], " "); !strings.Contains(text, `value:"check"`) || !strings.Contains(text, "counter:{value:1 ") {
		t.Errorf("the failed check is not counted: %s", text)
	}
}

var metricName = regexp.MustCompile(`caddy_two_factor_\w+`)

// base takes from a name what histograms add to it.
func base(name string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return name
}

// TestMetricsAreDocumented: the table in docs/monitoring.md has every metric with its labels. The
// page, the dashboard and the alerts name existing metrics only.
func TestMetricsAreDocumented(t *testing.T) {
	all := registered(t)
	docs := filepath.Join("..", "..", "docs")
	for _, file := range []string{"monitoring.md", "prometheus/alerts.yml", "grafana/secondgate.json"} {
		text, err := os.ReadFile(filepath.Join(docs, file))
		if err != nil {
			t.Fatal(err)
		}
		names := metricName.FindAllString(string(text), -1)
		if len(names) < 5 {
			t.Errorf("%s speaks of %d metrics only", file, len(names))
		}
		for _, name := range names {
			if _, there := all[base(name)]; !there {
				t.Errorf("%s speaks of %s, which is not registered", file, name)
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(docs, "monitoring.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name, labels := range all {
		slices.Sort(labels)
		row := regexp.MustCompile("(?m)^\\| `" + name + "` \\|([^|]*)\\|").FindStringSubmatch(string(text))
		if row == nil {
			t.Errorf("monitoring.md has no row for %s", name)
			continue
		}
		var listed []string
		for _, m := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(row[1], -1) {
			listed = append(listed, m[1])
		}
		slices.Sort(listed)
		if !slices.Equal(listed, labels) {
			t.Errorf("monitoring.md has labels %v for %s, which has %v", listed, name, labels)
		}
	}
}
