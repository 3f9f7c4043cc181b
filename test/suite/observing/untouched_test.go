package observing

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// strange are lines that `mode enforce` strips, refuses or reads otherwise, for a site
// with every rule there is.
const strange = `realm default
whoami /me {
	anonymous status 401
	user json user
}
sign_in /login {
	username user
	password password
}
deny /xmlrpc.php /api/*
guest /login
public /feed
require always`

// echo answers with all that came, and sets what portals set.
func echo(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/me" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, _ := io.ReadAll(r.Body)
	h := w.Header()
	h.Add("Set-Cookie", "PHPSESSID=1; Path=/; Domain=127.0.0.1; Secure; HttpOnly")
	h.Add("Set-Cookie", "odd=\"a b\"; Path=x; SameSite=none; Priority=High")
	h.Add("Set-Cookie", "sg-portal=own; path=/")
	h.Set("X-Cookie", strings.Join(r.Header["Cookie"], "|"))
	h.Set("X-Seen", fmt.Sprint(r.Method, r.URL.RequestURI(), r.Header["Authorization"], r.Header["X-Api-Key"], r.Header["X-Http-Method-Override"]))
	h.Set("Trailer", "X-Sum")
	w.WriteHeader(http.StatusTeapot)
	fmt.Fprintf(w, "%s", body)
	h.Set("X-Sum", "7")
}

// TestUntouched: each request reaches the portal, and each response the browser, as without the
// gateway, except for the visit's cookie. Everything that enforcing would have refused or changed
// is counted.
func TestUntouched(t *testing.T) {
	w := start(t, http.HandlerFunc(echo), strange)
	for _, r := range []struct{ method, path, cookie, header, value, kind, counted string }{
		{"GET", "/", "", "", "", report.Refused, "not under guest /"},
		{"GET", "/", "a=1; b=\"x y\"; c; =d; e=\xff", "", "", "", ""},
		{"GET", "/", "sg=theirs; sg-portal=own; SG-x=1", "", "", "", ""},
		{"POST", "/xmlrpc.php", "", "", "", report.Refused, "deny /xmlrpc.php"},
		{"GET", "/API/users/7", "x=1", "", "", report.Refused, "deny /API/users/*"},
		{"GET", "/", "x=1", "Authorization", "Basic YTpi", report.Changed, "header Authorization /"},
		{"PUT", "/orders/7", "x=1", "X-Api-Key", "k", report.Changed, "header X-Api-Key /orders/*"},
		{"GET", "/shop;jsessionid=AB?PHPSESSID=1&x=2", "x=1", "", "", report.Changed, "session id in the address /*"},
		{"GET", "/x.css", "x=1", "Sec-Fetch-Mode", "no-cors", report.Refused, "looks like an asset, but is none /x.css"},
		{"GET", "/two-factor/setup", "x=1", "", "", report.Changed, "answered by the own pages /two-factor/setup"},
		{"GET", "/", strings.Repeat("c=1; ", 300) + "d=1", "", "", report.Refused, "malformed cookies /"},
	} {
		b := w.Browser()
		send := func(base, cookie string) *harness.Page {
			b.Base = base
			var body io.Reader
			if r.method != http.MethodGet {
				body = strings.NewReader("user=alice&password=x")
			}
			req := b.Request(r.method, r.path, body)
			if r.header != "" {
				req.Header.Set(r.header, r.value)
			}
			if cookie != "" {
				req.Header.Set("Cookie", cookie)
			}
			b.Client.Jar = nil
			return b.Do(req)
		}
		direct, observed := send(w.PortalURL, r.cookie), send(w.URL, r.cookie)
		visit := same(t, r.path, direct, observed)
		if visit == "" {
			if r.path != "/" || !strings.Contains(r.cookie, "sg=theirs") {
				t.Errorf("%s %s starts no visit", r.method, r.path)
			}
			continue
		}
		cookie := strings.TrimPrefix(r.cookie+"; "+visit, "; ")
		same(t, r.path, direct, send(w.URL, cookie))
		if r.counted != "" {
			w.awaits(r.kind, r.counted, 1)
		}
	}
	if s := w.report(); s.Counts[report.CookieOwn]["sg-portal"] == 0 {
		t.Errorf("%v", s.Counts)
	}
}

// same compares two answers and returns the visit's cookie that the second has more.
func same(t *testing.T, what string, direct, observed *harness.Page) (visit string) {
	t.Helper()
	for _, name := range []string{"X-Cookie", "X-Seen"} {
		if d, o := direct.Header.Get(name), observed.Header.Get(name); d != o {
			t.Errorf("%s: the portal sees %s %.300q, and without us %.300q", what, name, o, d)
		}
	}
	if direct.Status != observed.Status || direct.Body != observed.Body || observed.Trailer.Get("X-Sum") != direct.Trailer.Get("X-Sum") {
		t.Errorf("%s: %d %.100q %v, and without us %d %.100q %v", what, observed.Status, observed.Body, observed.Trailer, direct.Status, direct.Body, direct.Trailer)
	}
	var lines []string
	for _, line := range observed.Header["Set-Cookie"] {
		if v, ours := strings.CutPrefix(line, "sg="); ours && strings.HasSuffix(line, "; Path=/; HttpOnly") {
			visit = "sg=" + v[:strings.IndexByte(v, ';')]
			continue
		}
		lines = append(lines, line)
	}
	if fmt.Sprint(lines) != fmt.Sprint(direct.Header["Set-Cookie"]) {
		t.Errorf("%s: Set-Cookie %q, and without us %q", what, lines, direct.Header["Set-Cookie"])
	}
	return visit
}

// TestUntouched_WhoamiFails: a failing question does not affect the request.
func TestUntouched_WhoamiFails(t *testing.T) {
	portal := &harness.Legacy{Before: func(_ *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/me" && r.Header.Get("Cookie") != "" {
			panic(http.ErrAbortHandler)
		}
		return false
	}}
	w := start(t, portal, harness.LegacyLines)
	b := w.Browser()
	signedInAs(t, b.SignInAndGo("alice"), "alice")
	w.awaitsMore(0)
	signedInAs(t, b.Get("/account"), "alice")
	if s := w.report(); s.Total(report.Unknown) == 0 || s.Total(report.SignIns) != 0 {
		t.Errorf("%v", s.Counts)
	}
}

// TestUntouched_Stream: bodies stream in both directions at once, requests of a visit run in
// parallel, and tunnels open for strangers.
func TestUntouched_Stream(t *testing.T) {
	meet := make(chan bool)
	w := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		switch r.URL.Path {
		case "/tunnel":
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "echo")
			w.WriteHeader(http.StatusSwitchingProtocols)
			conn, rw, err := rc.Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = io.Copy(conn, rw)
		case "/both":
			select { // two of these answer only together
			case meet <- true:
			case <-meet:
			case <-time.After(20 * time.Second):
				w.WriteHeader(http.StatusGatewayTimeout)
			}
		default:
			_ = rc.EnableFullDuplex()
			lines := bufio.NewReader(r.Body)
			for {
				line, err := lines.ReadString('\n')
				if err != nil {
					return
				}
				fmt.Fprint(w, "heard "+line)
				_ = rc.Flush()
			}
		}
	}), strange)
	b := w.Browser()
	b.Get("/")
	body, say := io.Pipe()
	r := b.Request(http.MethodPost, "/chat", body)
	go fmt.Fprintln(say, "one")
	res, err := b.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	heard := bufio.NewReader(res.Body)
	for _, word := range []string{"one", "two"} {
		if line, err := heard.ReadString('\n'); err != nil || line != "heard "+word+"\n" {
			t.Fatalf("%q %v", line, err)
		}
		if word == "one" {
			fmt.Fprintln(say, "two")
		}
	}
	say.Close()
	var both sync.WaitGroup
	for range 2 {
		r := b.Request(http.MethodPost, "/both", strings.NewReader("x=1"))
		both.Go(func() {
			if p, err := b.Try(r); err != nil || p.Status != http.StatusOK {
				t.Errorf("requests of one visit wait for each other: %+v %v", p, err)
			}
		})
	}
	both.Wait()
	w.tunnel(b)
}

// tunnel opens a tunnel and exchanges messages through it.
func (w *watch) tunnel(b *harness.Browser) {
	w.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "GET /tunnel HTTP/1.1\r\nHost: %s\r\nCookie: sg=%s\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nping\n", strings.TrimPrefix(w.URL, "http://"), b.Cookies("/")["sg"])
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			w.t.Fatalf("no echo: %v", err)
		}
		if line == "ping\n" {
			return
		}
	}
}
