package caddyplugin

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
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/lean"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/timesource"
)

// watchedApp is an app with an open store, realm "one", and a log that is kept.
func watchedApp(t *testing.T) (*App, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	e, err := openEngine(&Badger{Directory: t.TempDir()}, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Destruct(); err != nil {
			t.Error(err)
		}
	})
	a := &App{engine: e, meters: newMeters()}
	a.meter("one")
	return a, logs
}

// gather is what a scrape would read, in the registry's own strict kind, as Caddy's is.
func gather(t *testing.T, a *App) map[string][]string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(collector{a}); err != nil {
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

// registered are the metrics with their labels, as they are registered.
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
		out[m[1]] = strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' })
	}
	return out
}

// TestEveryMetricIsShown: with all that there can be, a scrape shows each metric that is
// registered.
func TestEveryMetricIsShown(t *testing.T) {
	a, _ := watchedApp(t)
	w := a.engine.watch
	w.mu.Lock()
	w.users["one"] = store.UserCount{Activated: 3, NotActivated: 4}
	w.ready = map[string]bool{checkStore: true}
	w.mu.Unlock()
	w.clock.mu.Lock()
	w.clock.address, w.clock.at, w.clock.reading = "ntp.example.com:123", time.Now(), timesource.Reading{Offset: 3 * time.Second}
	w.clock.mu.Unlock()
	late(a, lean.MinUsers, 40*time.Second)
	shown := gather(t, a)
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
func late(a *App, users int, age time.Duration) {
	for i := range users {
		a.engine.lean.Note("one", string(rune('a'+i)), age, lean.Period)
	}
}

// TestLeanIsTold: what customers' codes say is a warning, a metric and a field of the
// status, once an hour; a clock that is right is none.
func TestLeanIsTold(t *testing.T) {
	a, logs := watchedApp(t)
	w := a.engine.watch
	late(a, 2*lean.MinUsers, 25*time.Second) // what honest customers show
	w.tellLean(a.engine.lean.Estimate())
	if logs.FilterMessageSnippet("check the server's clock").Len() != 0 {
		t.Error("honest customers are told of")
	}
	if n := len(gather(t, a)["caddy_two_factor_clock_lean_seconds"]); n != 1 {
		t.Errorf("%d series of the lean", n)
	}
	late(a, 2*lean.MinUsers, 50*time.Second)
	for range 3 {
		w.tellLean(a.engine.lean.Estimate())
	}
	told := logs.FilterMessageSnippet("check the server's clock").All()
	if len(told) != 1 || !strings.HasPrefix(told[0].Message, "codes lean 3") || !strings.Contains(told[0].Message, "s late: check") || told[0].Level != zap.WarnLevel {
		t.Fatalf("told: %+v", told)
	}
	late(a, 2*lean.MinUsers, -10*time.Second)
	w.warned = time.Time{}
	w.tellLean(a.engine.lean.Estimate())
	if told = logs.FilterMessageSnippet("s early: check the server's clock").All(); len(told) != 1 {
		t.Fatalf("told: %+v", told)
	}
}

// TestClockIsSane: a clock that was never set is none, nor one that is known to be wrong;
// what is not known is.
func TestClockIsSane(t *testing.T) {
	var c watchedClock
	if p := c.problem(); p != "" {
		t.Errorf("nothing is known: %q", p)
	}
	for offset, want := range map[time.Duration]string{
		14 * time.Second: "", -14 * time.Second: "", 16 * time.Second: "off by more than 15 s", -time.Hour: "off by more than 15 s",
	} {
		c.at, c.reading.Offset = time.Now(), offset
		if p := c.problem(); p != want {
			t.Errorf("%v off: %q, want %q", offset, p, want)
		}
	}
	c.at = time.Now().Add(-readingAge - time.Second)
	if p := c.problem(); p != "" {
		t.Errorf("a reading of yesterday: %q", p)
	}
	t.Cleanup(clock.Move(-time.Until(time.Date(1970, 1, 1, 0, 1, 0, 0, time.UTC)).Abs()))
	if p := c.problem(); p != "not set" {
		t.Errorf("in 1970: %q", p)
	}
}

// TestChecks: each check fails by itself, in words that are the same everywhere.
func TestChecks(t *testing.T) {
	a, _ := watchedApp(t)
	ring := func() *keys.Ring {
		r, err := keys.Parse(keys.Generate())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	a.ring = ring()
	release, err := a.engine.keeper.Admit(t.Context(), a.ring)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	problems := func() map[string]string {
		out := make(map[string]string)
		for _, c := range a.checks(t.Context()) {
			out[c.Name] = c.Problem
		}
		return out
	}
	if got := problems(); !maps.Equal(got, map[string]string{checkStore: "", checkKeys: "", checkClock: ""}) {
		t.Errorf("all is well: %v", got)
	}
	right := a.ring
	a.ring = ring()
	if got := problems(); !maps.Equal(got, map[string]string{checkStore: "", checkKeys: "don't open the store", checkClock: ""}) {
		t.Errorf("with other keys: %v", got)
	}
	a.ring = right
	if err := a.engine.store.Close(); err != nil {
		t.Fatal(err)
	}
	if got := problems(); got[checkStore] != "can't be written" || got[checkKeys] == "" || got[checkClock] != "" {
		t.Errorf("with a closed store: %v", got)
	}
	if n := len(gather(t, a)["caddy_two_factor_store_errors_total"]); n != 3 {
		t.Errorf("%d series of store errors", n)
	}
	if text := strings.Join(gather(t, a)["caddy_two_factor_store_errors_total"], " "); !strings.Contains(text, `value:"check"`) || !strings.Contains(text, "counter:{value:1}") {
		t.Errorf("the failed check is not counted: %s", text)
	}
}

// TestDue: the clock is compared at once, hourly, and every minute while it is wrong or
// nobody answers; another source is begun anew with.
func TestDue(t *testing.T) {
	var c watchedClock
	if c.due("") || !c.due("a:123") {
		t.Error("at the start")
	}
	for _, tt := range []struct {
		offset time.Duration
		err    error
		age    time.Duration
		want   bool
	}{
		{0, nil, 59 * time.Minute, false}, {0, nil, time.Hour, true}, {3 * time.Second, nil, time.Minute, false},
		{20 * time.Second, nil, 30 * time.Second, false}, {20 * time.Second, nil, time.Minute, true}, {0, os.ErrDeadlineExceeded, time.Minute, true},
	} {
		c.tried, c.at, c.reading.Offset, c.err = time.Now().Add(-tt.age), time.Now(), tt.offset, tt.err
		if got := c.due("a:123"); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
	c.tried, c.err = time.Now(), nil
	if !c.due("b:123") || c.state().Known {
		t.Error("another source is not begun anew with")
	}
	if c.due("") || c.state().Source != "" {
		t.Error("no source is not begun anew with")
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

// TestMetricsAreDocumented: docs/monitoring.md has every metric with its labels in its
// table, and it, the dashboard and the alerts speak of none that is not there.
func TestMetricsAreDocumented(t *testing.T) {
	all := registered(t)
	docs := filepath.Join("..", "docs")
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
