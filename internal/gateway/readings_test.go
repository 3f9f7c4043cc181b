package gateway

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/portal"
)

// under is a rule about all paths that begin so.
type under string

func (u under) begins(path string) bool { return strings.HasPrefix(path, string(u)) }

func (u under) Any(_ *http.Request, readings []string) bool {
	return slices.ContainsFunc(readings, u.begins)
}

func (u under) All(_ *http.Request, readings []string) bool {
	return !slices.ContainsFunc(readings, func(path string) bool { return !u.begins(path) })
}

// TestPublic_EveryReading: a path is public only where every reading of it is, for GET
// and HEAD without a body.
func TestPublic_EveryReading(t *testing.T) {
	g := &Gateway{Options: Options{Rules: Rules{Public: under("/static/")}}}
	for _, tt := range []struct {
		method   string
		body     string
		readings []string
		want     bool
	}{
		{"GET", "", []string{"/static/a"}, true},
		{"HEAD", "", []string{"/static/a", "/static/b"}, true},
		{"GET", "", []string{"/static/a", "/page"}, false},
		{"GET", "", []string{"/page/..;/static/a", "/static/a"}, false},
		{"POST", "", []string{"/static/a"}, false},
		{"GET", "x", []string{"/static/a"}, false},
	} {
		r := httptest.NewRequest(tt.method, "/static/a", strings.NewReader(tt.body))
		x := &exchange{g: g, r: r, readings: tt.readings}
		if got := x.publicPath(); got != tt.want {
			t.Errorf("%s with %q, read as %q: public %v", tt.method, tt.body, tt.readings, got)
		}
	}
}

// TestGuest_EveryReading: a stranger reaches a path only where every reading of it is on
// the list.
func TestGuest_EveryReading(t *testing.T) {
	g := &Gateway{Options: Options{Rules: Rules{Guest: under("/guest/")}, Headers: portal.NewHeaders(nil)}}
	for reading, want := range map[string]bool{"/guest/b": true, "/page": false} {
		x := &exchange{
			g: g, r: httptest.NewRequest(http.MethodGet, "/guest/a", nil), jar: portal.EmptyJar,
			readings: []string{"/guest/a", reading},
		}
		x.classify()
		if x.guestPath != want {
			t.Errorf("read as %q: for guests %v", x.readings, x.guestPath)
		}
	}
}
