package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// handler is a portal that the test writes.
type handler func(w http.ResponseWriter, r *http.Request) error

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) error { return h(w, r) }

// TestForgetting: what was found out before an unsafe request, or beside it, is not
// believed after it. Here bob signs in with alice's session, and when his response is
// to be judged the portal can't tell its user: so nothing else makes the gateway
// forget that it was alice's. The cookies are alice's, so that bob's page has none.
func TestForgetting(t *testing.T) {
	for _, beside := range []bool{false, true} {
		t.Run(fmt.Sprint("with a page beside it: ", beside), func(t *testing.T) { forgetting(t, beside) })
	}
}

func forgetting(t *testing.T, beside bool) {
	g, request := cleared(t)
	who := "alice"
	g.Fetch = func(context.Context, gateway.Next, *http.Request, string, http.Header) (whoami.Response, error) {
		if who == "" {
			return whoami.Response{Status: http.StatusInternalServerError}, nil
		}
		return whoami.Response{Status: http.StatusOK, Body: fmt.Appendf(nil, `{"user":%q}`, who)}, nil
	}
	want := func(when, method string, status int, portal gateway.Next) {
		t.Helper()
		r := request()
		r.Method = method
		r.Header.Set("Sec-Fetch-Mode", "cors")
		w := httptest.NewRecorder()
		defer func() {
			if p := recover(); p != nil && (p != any(http.ErrAbortHandler) || status < http.StatusInternalServerError) {
				panic(p)
			}
		}()
		err := g.ServeHTTP(w, r, gateway.Client{Address: "192.0.2.1", URL: r.URL}, portal)
		if err != nil || w.Code != status {
			t.Errorf("%s: %d, %v; want %d", when, w.Code, err, status)
		}
	}
	strangers := handler(func(w http.ResponseWriter, r *http.Request) error {
		if got := r.Header.Get("Cookie"); got != "" {
			t.Errorf("a session that is bob's now was forwarded as alice's: %s", got)
		}
		return next{}.ServeHTTP(w, r)
	})
	want("alice's page", http.MethodGet, http.StatusOK, next{})
	want("bob's sign-in", http.MethodPost, http.StatusServiceUnavailable, handler(func(w http.ResponseWriter, r *http.Request) error {
		if beside {
			want("a page before bob is signed in", http.MethodGet, http.StatusOK, next{})
		}
		who = "bob"
		want("a page while bob signs in", http.MethodGet, http.StatusOK, strangers)
		who = ""
		return next{}.ServeHTTP(w, r)
	}))
	who = "bob"
	want("a stranger's page", http.MethodGet, http.StatusOK, strangers)
}

// TestAttack_H5_GoesOn: a request goes on at the portal when its client has gone, a safe
// one too: a sign-in that its client left must not happen unnoticed.
func TestAttack_H5_GoesOn(t *testing.T) {
	g, request := cleared(t)
	for method, goesOn := range map[string]bool{http.MethodPost: true, http.MethodPut: true, http.MethodGet: true} {
		ctx, leave := context.WithCancel(t.Context())
		r := request().WithContext(ctx)
		r.Method = method
		reached := false
		portal := handler(func(w http.ResponseWriter, r *http.Request) error {
			reached = true
			leave()
			if goes := r.Context().Err() == nil; goes != goesOn {
				t.Errorf("%s goes on when its client has gone: %v", method, goes)
			}
			return next{}.ServeHTTP(w, r)
		})
		err := g.ServeHTTP(httptest.NewRecorder(), r, gateway.Client{Address: "192.0.2.1", URL: r.URL}, portal)
		if err != nil || !reached {
			t.Errorf("%s: %v, reached the portal %v", method, err, reached)
		}
	}
}

// TestSignInByQuery: in alice's cleared visit a link signs bob in, anywhere, by the
// names that sign_in's fields have: what it answers is judged, though it is a plain page
// that changes no cookie.
func TestSignInByQuery(t *testing.T) {
	g, request := cleared(t)
	g.Required = true // bob owes a factor
	g.SetFields("username")
	who := "alice"
	g.Fetch = func(context.Context, gateway.Next, *http.Request, string, http.Header) (whoami.Response, error) {
		return whoami.Response{Status: http.StatusOK, Body: fmt.Appendf(nil, `{"user":%q}`, who)}, nil
	}
	portal := handler(func(w http.ResponseWriter, r *http.Request) error {
		if name := r.URL.Query().Get("username"); name != "" {
			who = name
		}
		return next{}.ServeHTTP(w, r)
	})
	for _, c := range []struct {
		query  string
		status int
	}{{"page=2", http.StatusOK}, {"x=1&username=bob", http.StatusUnauthorized}} {
		r := request()
		r.URL.RawQuery = c.query
		r.Header.Set("Sec-Fetch-Mode", "cors")
		w := httptest.NewRecorder()
		if err := g.ServeHTTP(w, r, gateway.Client{Address: "192.0.2.1", URL: r.URL}, portal); err != nil || w.Code != c.status {
			t.Errorf("?%s: %d, %v; want %d", c.query, w.Code, err, c.status)
		}
	}
}
