package operations

import (
	"io"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

const (
	badger = "storage badger DIR"
	legacy = `realm one
	whoami /me {
		anonymous status 401
		user json user
	}
	sign_in /login /api/login`
)

// watched is a gateway that serves its metrics at another port.
type watched struct {
	*harness.Harness
	port string
}

// start runs a gateway before a portal, with these lines of the global option.
func start(t testing.TB, portal http.Handler, global string) *watched {
	t.Helper()
	w := &watched{port: harness.FreePort(t)}
	w.Harness = harness.StartWhole(t, portal, w.text(global, legacy))
	return w
}

func (w *watched) text(global, lines string) string {
	return "{\n" + harness.GlobalLines + "two_factor {\n" + global + "\n}\n}\n" +
		"http://127.0.0.1:PORT {\nbind 127.0.0.1\ntwo_factor {\n" + lines + "\n}\nreverse_proxy PORTAL\n}\n" +
		"http://127.0.0.1:" + w.port + " {\nbind 127.0.0.1\nmetrics\n}\n"
}

func (w *watched) reload(t testing.TB, global, lines string) {
	t.Helper()
	if err := w.TryWhole(w.text(global, lines)); err != nil {
		t.Fatal(err)
	}
}

// raw is what a scrape reads.
func (w *watched) raw(t testing.TB) string {
	t.Helper()
	var res *http.Response
	var err error
	for range 10 { // a listener that Caddy has just replaced closes the connections in its queue
		if res, err = http.Get("http://127.0.0.1:" + w.port + "/metrics"); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("scraping: %d, %v\n%s", res.StatusCode, err, body)
	}
	return string(body)
}

// series are numbers by name and labels, as `caddy_two_factor_x{a="b"}`.
type series map[string]float64

var sample = regexp.MustCompile(`(?m)^(caddy_two_factor_\w+(?:\{[^}]*\})?) (\S+)$`)

func (w *watched) scrape(t testing.TB) series {
	t.Helper()
	s := make(series)
	for _, m := range sample.FindAllStringSubmatch(w.raw(t), -1) {
		v, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		s[strings.TrimPrefix(m[1], "caddy_two_factor_")] = v
	}
	return s
}

// names are those of the series, in no order.
func (s series) names() map[string]bool {
	out := make(map[string]bool)
	for name := range maps.Keys(s) {
		out[name] = true
	}
	return out
}

// grown fails the test unless the series grew by these amounts between two scrapes.
func grown(t testing.TB, before, after series, want map[string]float64) {
	t.Helper()
	for name, n := range want {
		v, there := after[name]
		if !there {
			t.Errorf("there is no %s", name)
		} else if got := v - before[name]; got != n {
			t.Errorf("%s grew by %v, want %v", name, got, n)
		}
	}
}

// await waits until a condition holds.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
