package edge

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// shows proxies an error page to the portal, with every placeholder that had something
// of the request.
const shows = `handle_errors {
	reverse_proxy PORTAL {
		header_up X-Body "{http.request.body}{http.request.body_base64}"
		header_up X-Original "{http.request.orig_method} {http.request.orig_uri} {http.request.orig_uri.query} {http.request.orig_uri.prefixed_query}"
		header_up X-Remote-User "{http.auth.user.id}{http.auth.user.role}{re.key.1}{http.url_pattern.search.key}{http.reverse_proxy.header.X-Login}"
		header_up X-Certificate "{http.request.tls.client.subject}{http.request.tls.client.fingerprint}"
		header_up X-Status {err.status_code}
	}
}
`

const secret = "s3cret"

// post is a request with a credential in every place.
func post(b *harness.Browser, path string) *http.Request {
	r := b.Request(http.MethodPost, path+"?key="+secret, strings.NewReader("user=alice&password="+secret))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	r.Header.Set("Referer", b.Base+"/login?token="+secret)
	r.Header.Set("X-Key", secret)
	r.Header.Set("X-Api-Key", secret)
	r.Header.Set("Cookie", "PHPSESSID="+secret)
	r.SetBasicAuth("alice", secret)
	return r
}

// TestI7_ErrorRoutesGetNothingToSignInWith: after every kind of error, the error route gets a GET
// of the path and no credentials.
func TestI7_ErrorRoutesGetNothingToSignInWith(t *testing.T) {
	authenticator := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Login", "alice-"+secret)
	}))
	defer authenticator.Close()
	forwardAuth := "forward_auth " + strings.TrimPrefix(authenticator.URL, "http://") + " {\n uri /\n}\n"
	gates := strings.Replace(gate, "realm edge", "realm edge\ntrust /hook\ncredential header Authorization\ncredential query key", 1)
	const down = "reverse_proxy /me PORTAL\nreverse_proxy 127.0.0.1:1\n"
	for name, tt := range map[string]struct {
		site, path string
	}{
		"portal down":      {gates + down, "/form"},
		"trusted":          {gates + down, "/hook"},
		"error directive":  {gates + "error /form 418\nreverse_proxy PORTAL\n", "/form"},
		"body too large":   {"request_body {\n max_size 10\n}\n" + gates + "reverse_proxy PORTAL\n", "/form"},
		"basic_auth":       {"basic_auth {\n alice " + hashed(secret) + "\n}\n" + gates + down, "/form"},
		"header_regexp":    {"@key header_regexp key X-Key (.*)\nhandle @key {\n" + gates + down + "}\n", "/form"},
		"url_pattern":      {"@key url_pattern /form?key=:key\nhandle @key {\n" + gates + down + "}\n", "/form"},
		"rewritten before": {"rewrite * /rewritten{uri}\n" + gates + down, "/form"},
		"rewritten behind": {"route {\n" + gates + "rewrite /form /rewritten{uri}\n" + down + "}\n", "/form"},
		"forward_auth":     {forwardAuth + gates + "error /form 418\nreverse_proxy PORTAL\n", "/form"},
	} {
		t.Run(name, func(t *testing.T) {
			e := &echo{}
			h := harness.StartSite(t, e, tt.site+shows)
			p, err := h.Browser().Try(post(h.Browser(), tt.path))
			if err != nil {
				t.Fatal(err)
			}
			if got := e.at(tt.path); len(got) != 1 || got[0].Method != http.MethodGet || strings.TrimSpace(got[0].Header.Get("X-Original")) != "GET "+tt.path || got[0].Header.Get("X-Status") == "" {
				t.Errorf("the error route's portal got %v; answered %d %s", got, p.Status, p.Body)
			}
			nothingSecret(t, e)
		})
	}
}

// nothingSecret looks through everything that the portal got.
func nothingSecret(t *testing.T, e *echo) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.seen {
		if s.Header["X-Status"] == nil {
			continue // not through an error route
		}
		var raw bytes.Buffer
		if err := s.Header.Write(&raw); err != nil {
			t.Fatal(err)
		}
		got := s.Method + " " + s.RequestURI + "\n" + raw.String() + s.body
		for _, word := range []string{secret, "alice", "POST", "user=", "Content-Type", "Referer"} {
			if strings.Contains(got, word) {
				t.Errorf("%q reached the error route:\n%s", word, got)
			}
		}
	}
}

// TestI7_SessionInThePath: a session id is taken out of the path as well.
func TestI7_SessionInThePath(t *testing.T) {
	e := &echo{}
	h := harness.StartSite(t, e, gate+"error 418\n"+shows)
	h.Browser().Get("/page;jsessionid=" + secret)
	if got := e.at("/page"); len(got) != 1 {
		t.Errorf("the error route's portal got %v", got)
	}
	nothingSecret(t, e)
}

// TestI7_ErrorsBeforeTheGate: a request that fails before the gate does not reach it.
func TestI7_ErrorsBeforeTheGate(t *testing.T) {
	e := &echo{}
	h := harness.StartWhole(t, e, "{\n"+harness.GlobalLines+"\ttwo_factor {\n\tstorage memory DIR\n}\n}\nhttp://:PORT {\nbind 127.0.0.1\nbasic_auth {\n bob "+
		hashed("bob's own")+"\n}\n"+gate+"reverse_proxy PORTAL\n"+shows+"}\n")
	for name, change := range map[string]func(*http.Request){
		"another's password": func(*http.Request) {},
		"no host":            func(r *http.Request) { r.Host = "..." },
		"a long method":      func(r *http.Request) { r.Method = strings.Repeat("POST", 10) },
	} {
		e.forget()
		r := post(h.Browser(), "/form")
		r.SetBasicAuth("bob", secret) // for a name that it doesn't know Caddy computes a hash that takes seconds
		change(r)
		h.Browser().Do(r)
		if len(e.at("/form")) != 1 {
			t.Errorf("%s: no error route", name)
		}
		nothingSecret(t, e)
	}
}

// TestI7_OtherSites of the server keep what their error routes had.
func TestI7_OtherSites(t *testing.T) {
	e := &echo{}
	other := "handle_errors {\n reverse_proxy PORTAL {\n header_up X-Status error\n}\n}\n"
	h := harness.StartWhole(t, e, "{\n"+harness.GlobalLines+"\ttwo_factor {\n\tstorage memory DIR\n}\n}\n"+
		"http://127.0.0.1:PORT {\nbind 127.0.0.1\n"+gate+"error 418\n"+shows+"}\n"+
		"http://other.example:PORT {\nbind 127.0.0.1\nerror 418\n"+other+"}\n"+
		"http://observed.example:PORT {\nbind 127.0.0.1\n"+strings.Replace(gate, "realm edge", "realm observed\nmode observe", 1)+"error 418\n"+other+"}\n")
	for _, host := range []string{"other.example", "observed.example"} {
		e.forget()
		r := post(h.Browser(), "/form")
		r.Host = host
		h.Browser().Do(r)
		got := e.at("/form")
		if len(got) != 1 || got[0].Method != http.MethodPost || got[0].Header.Get("Authorization") == "" || got[0].URL.RawQuery == "" || got[0].body == "" {
			t.Errorf("%s: the error route got %v", host, got)
		}
	}
	e.forget()
	h.Browser().Do(post(h.Browser(), "/form"))
	nothingSecret(t, e)
}

// TestI7_NamedRoute: a gate that can't guard the error routes does not start.
func TestI7_NamedRoute(t *testing.T) {
	h := harness.StartSite(t, nil, "respond ok")
	err := h.TryWhole("{\n" + harness.GlobalLines + "\ttwo_factor {\n\tstorage memory DIR\n}\n}\n&(app) {\n" + gate + "respond ok\n}\n" +
		"http://127.0.0.1:PORT {\nbind 127.0.0.1\ninvoke app\nhandle_errors {\n respond oh\n}\n}\n")
	if err == nil || !strings.Contains(err.Error(), "named route") {
		t.Errorf("loaded: %v", err)
	}
}

// TestI7_ClientCertificate: an error route does not get the client's certificate either. The next
// request on the connection still has it.
func TestI7_ClientCertificate(t *testing.T) {
	a := newAuthority(t, "alice")
	e := &echo{}
	h := startTLS(t, e, a, "client_auth {\nmode require_and_verify\ntrust_pool file "+a.certFile+"\n}",
		gate+"error /down 418\nreverse_proxy PORTAL {\n header_up X-Certificate {http.request.tls.client.subject}\n}\n"+shows)
	b := h.Browser()
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.roots, Certificates: []tls.Certificate{a.pair}}}
	t.Cleanup(tr.CloseIdleConnections)
	b.Client.Transport = tr
	b.Get("/down")
	if got := e.at("/down"); len(got) != 1 || got[0].Header.Get("X-Certificate") != "" {
		t.Errorf("the error route's portal got %v", got)
	}
	b.Get("/page")
	if got := e.at("/page"); len(got) != 1 || got[0].Header.Get("X-Certificate") != "CN=alice" {
		t.Errorf("the portal got %v", got)
	}
}

// TestI7_AccessLogKeepsTheUser, though the error route does not get the name.
func TestI7_AccessLogKeepsTheUser(t *testing.T) {
	e := &echo{}
	h := harness.StartSite(t, e, "log\nbasic_auth {\n alice "+hashed(secret)+"\n}\n"+gate+"error 418\n"+shows)
	b := h.Browser()
	b.Do(post(b, "/form"))
	nothingSecret(t, e)
	if log := h.LogText(); !strings.Contains(log, `"user_id":"alice"`) {
		t.Error("the access log does not name the user")
	}
}

// TestI7_HeldBody: a client that withholds the rest of a body still gets a response.
func TestI7_HeldBody(t *testing.T) {
	e := &echo{}
	h := harness.StartSite(t, e, strings.Replace(gate, "realm edge", "realm edge\ntrust /hook", 1)+"error 418\n"+shows)
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	began := time.Now()
	fmt.Fprintf(conn, "POST /hook HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\npassword=%s", secret)
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 1000)
	n, err := conn.Read(answer)
	if err != nil || !strings.Contains(string(answer[:n]), "HTTP/1.1 ") {
		t.Errorf("after %v: %v\n%s", time.Since(began), err, answer[:n])
	}
	nothingSecret(t, e)
}

// TestI7_ErrorRoutesWithinARoute: a subroute may have error routes of its own, which are not among
// the server's. They would get the requests that failed before the gate.
func TestI7_ErrorRoutesWithinARoute(t *testing.T) {
	e := &echo{}
	h := harness.StartSite(t, e, gate+"error /form 418\nreverse_proxy PORTAL\n")
	site := adapted(t, "http://127.0.0.1:"+port(h)+" {\nbind 127.0.0.1\n"+gate+"error /form 418\nreverse_proxy PORTAL\n"+shows+"}\n", h)
	server := site["apps"].(map[string]any)["http"].(map[string]any)["servers"].(map[string]any)["srv0"].(map[string]any)
	route := server["routes"].([]any)[0].(map[string]any)
	for _, handler := range route["handle"].([]any) { // the site's subroute
		handler.(map[string]any)["errors"] = server["errors"]
	}
	delete(server, "errors")
	config, err := json.Marshal(site)
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(config, true); err == nil || !strings.Contains(err.Error(), "its own error routes") {
		t.Errorf("accepted: %v", err)
	}
}

func port(h *harness.Harness) string { return h.URL[strings.LastIndexByte(h.URL, ':')+1:] }

// adapted is the JSON of a site.
func adapted(t *testing.T, site string, h *harness.Harness) (config map[string]any) {
	t.Helper()
	text := "{\nadmin off\npersist_config off\nauto_https off\ntwo_factor {\nstorage memory " + h.Dir + "\n}\n}\n" +
		strings.ReplaceAll(site, "PORTAL", strings.TrimPrefix(h.PortalURL, "http://"))
	raw, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &config); err != nil {
		t.Fatal(err)
	}
	return config
}
