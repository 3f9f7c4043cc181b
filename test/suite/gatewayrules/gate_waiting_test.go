package gatewayrules

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// later runs a request in the background. A failed request yields an empty page.
func later(f func() *harness.Page) <-chan *harness.Page {
	c := make(chan *harness.Page, 1)
	go func() {
		p := &harness.Page{}
		defer func() { c <- p }()
		p = f()
	}()
	return c
}

// beforeBob are browsers in which bob will sign in.
func (h *deskHarness) beforeBob(alice *harness.Device) map[string]func() *harness.Browser {
	carol := func() *harness.Browser {
		b := h.Browser()
		b.Get("/")
		h.in(b, "carol")
		return b
	}
	return map[string]func() *harness.Browser{
		"cleared as alice": func() *harness.Browser { return h.cleared("alice", alice) },
		"unenrolled carol": carol,
		"anonymous":        func() *harness.Browser { b := h.Browser(); b.Get("/"); return b },
	}
}

// TestAttack_WaitingGET: a GET is sent before a sign-in, and the portal answers it afterwards as
// another user. The response is not released.
func TestAttack_WaitingGET(t *testing.T) {
	h := startDesk(t, "")
	alice := h.enrol("alice")
	h.enrol("bob")
	var all sync.WaitGroup
	for visit, start := range h.beforeBob(alice) {
		for id, query := range ids {
			name, b := visit+", "+id, start()
			w := spy(t, b)
			waiting := later(func() *harness.Page { return b.Get("/page?kind=trailer&stop=" + url.QueryEscape(name)) })
			h.desk.await(t)
			all.Go(func() { // the visits side by side: the gate pauses in each
				challenged(t, name, b.Post("/in?x=1"+query, url.Values{"user": {"bob"}, "password": {"x"}}))
				close(h.desk.stop(name))
				<-waiting
				if raw := w.take(); strings.Contains(raw, markOf("bob")) {
					t.Errorf("%s: the waiting GET came back as bob:\n%.1500s", name, raw)
				}
			})
		}
	}
	all.Wait()
}

// TestAttack_WaitingForTheLock: the sign-in holds the session's lock, and all requests sent
// meanwhile wait for it.
func TestAttack_WaitingForTheLock(t *testing.T) {
	h := startDesk(t, "")
	alice := h.enrol("alice")
	h.enrol("bob")
	for visit, start := range h.beforeBob(alice) {
		b := start()
		w := spy(t, b)
		signIn := later(func() *harness.Page {
			return b.Post("/in?inside="+url.QueryEscape(visit), url.Values{"user": {"bob"}, "password": {"x"}})
		})
		h.desk.await(t)
		var waiting []<-chan *harness.Page
		for range 4 {
			waiting = append(waiting, later(func() *harness.Page { return b.Get("/page") }))
			waiting = append(waiting, later(func() *harness.Page { return b.Post("/page", url.Values{"a": {"b"}}) }))
		}
		close(h.desk.stop(visit))
		challenged(t, "the sign-in", <-signIn)
		for _, c := range waiting {
			<-c
		}
		if raw := w.take(); strings.Contains(raw, markOf("bob")) {
			t.Errorf("%s: shown to somebody who owes a code:\n%.1500s", visit, raw)
		}
	}
}

// TestAttack_WaitingBesideALink:
//
//  1. Bob signs in by an undeclared link.
//  2. While its redirect is being judged, a GET that waited for the session's lock is answered.
//
// That response is larger than the socket buffers, so the gateway has read its headers before the
// portal has sent it all.
func TestAttack_WaitingBesideALink(t *testing.T) {
	h := startDesk(t, "")
	alice := h.enrol("alice")
	h.enrol("bob")
	b := h.cleared("alice", alice)
	waiting := later(func() *harness.Page { return b.Get("/page?kind=big&stop=get&after=shown") })
	h.desk.await(t)
	h.desk.answerMe(func(http.ResponseWriter, *http.Request) bool {
		h.desk.arrived <- "whoami"
		<-h.desk.stop("whoami")
		return false
	})
	link := later(func() *harness.Page { return b.Get("/as/bob?kind=redirect") })
	if got := h.desk.await(t); got != "whoami" {
		t.Fatalf("%s, and not the question about the link's response", got)
	}
	close(h.desk.stop("get"))
	if got := h.desk.await(t); got != "shown" {
		t.Fatalf("%s, and not the response of the waiting GET", got)
	}
	close(h.desk.stop("shown"))
	close(h.desk.stop("whoami"))
	if p := <-waiting; strings.Contains(p.Body, markOf("bob")) {
		t.Errorf("the waiting GET came back as bob: %d %s", p.Status, p.Body)
	}
	challenged(t, "the link", <-link)
}

// TestGate_FreshQuestion: a question that was sent before a sign-in does not decide about the
// sign-in's response.
func TestGate_FreshQuestion(t *testing.T) {
	h := startDesk(t, "")
	h.enrol("bob")
	b := h.Browser()
	b.Get("/")
	h.in(b, "carol") // no other request runs during a stranger's sign-in
	signIn := later(func() *harness.Page {
		return b.Do(b.Request(http.MethodPut, "/as/bob?kind=big&stop=put&after=sent", nil))
	})
	h.desk.await(t)
	var once sync.Once
	h.desk.answerMe(func(w http.ResponseWriter, _ *http.Request) (answered bool) {
		once.Do(func() {
			h.desk.arrived <- "asked"
			<-h.desk.stop("asked")
			fmt.Fprint(w, `{"user":"carol"}`) // as it was when it was asked
			answered = true
		})
		return answered
	})
	beside := later(func() *harness.Page { return b.Get("/page") })
	h.desk.await(t)
	close(h.desk.stop("put"))
	h.desk.await(t) // all of the response is sent, and so its headers have been seen
	close(h.desk.stop("sent"))
	close(h.desk.stop("asked"))
	challenged(t, "the sign-in", <-signIn)
	if p := <-beside; strings.Contains(p.Body, markOf("bob")) {
		t.Errorf("the GET beside it: %d %s", p.Status, p.Body)
	}
	challenged(t, "afterwards", b.Get("/page"))
}

// rawRequest starts a request with the browser's cookies on a new connection.
func rawRequest(t *testing.T, b *harness.Browser, head string) net.Conn {
	t.Helper()
	u, _ := url.Parse(b.Base)
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	var cookies []string
	for name, value := range b.Cookies("/") {
		cookies = append(cookies, name+"="+value)
	}
	line, rest, _ := strings.Cut(head, "\n")
	text := line + "\nHost: " + u.Host + "\nUser-Agent: Test/1.0\nAccept-Language: en\nSec-Fetch-Mode: navigate\nConnection: close\n"
	if len(cookies) > 0 {
		text += "Cookie: " + strings.Join(cookies, "; ") + "\n"
	}
	head, body, _ := strings.Cut(text+rest, "\n\n")
	if _, err := io.WriteString(c, strings.ReplaceAll(head, "\n", "\r\n")+"\r\n\r\n"+body); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAttack_HeldBody: a client withholds the last byte of a request until another user has signed
// in. The response is not that user's, because the portal receives the request only when it is
// complete.
func TestAttack_HeldBody(t *testing.T) {
	h := startDesk(t, "")
	alice := h.enrol("alice")
	h.enrol("bob")
	for name, tt := range map[string]struct{ head, last string }{
		"length":  {"POST /length HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 5\n\na=bc", "d"},
		"chunked": {"POST /chunked HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\nTransfer-Encoding: chunked\n\n5\r\na=bcd\r\n", "0\r\n\r\n"},
		"get":     {"GET /get HTTP/1.1\nContent-Length: 5\n\na=bc", "d"},
	} {
		b := h.cleared("alice", alice)
		c := rawRequest(t, b, tt.head)
		challenged(t, name, h.in(b, "bob"))
		if h.desk.last("/"+name) != nil {
			t.Errorf("%s: the portal has heard of it before it was whole", name)
		}
		if _, err := io.WriteString(c, tt.last); err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(c)
		if err != nil || len(raw) == 0 || strings.Contains(string(raw), markOf("bob")) || strings.HasPrefix(string(raw), "HTTP/1.1 200") {
			t.Errorf("%s: %v\n%s", name, err, raw)
		}
	}
	// Control: without a sign-in meanwhile the request arrives.
	b := h.cleared("alice", alice)
	c := rawRequest(t, b, "POST /held HTTP/1.1\nContent-Length: 5\n\na=bc")
	_, _ = io.WriteString(c, "d")
	if raw, _ := io.ReadAll(c); !strings.Contains(string(raw), markOf("alice")) {
		t.Errorf("undisturbed: %s", raw)
	}
}

// TestGate_Draining: a response that is being judged is read out of the portal, which
// holds the session's lock until then, and arrives whole and once.
func TestGate_Draining(t *testing.T) {
	h := startDesk(t, "")
	b := h.Browser()
	b.Get("/")
	h.in(b, "carol")
	p := b.Post("/page?kind=big", url.Values{"a": {"b"}})
	if want := len(markOf("carol")) + 32<<20; p.Status != http.StatusOK || len(p.Body) != want || !strings.HasPrefix(p.Body, markOf("carol")) {
		t.Errorf("%d, %d bytes, want %d: %.80s", p.Status, len(p.Body), want, p.Body)
	}
	h.enrol("bob")
	p = b.Post("/in?kind=big", url.Values{"user": {"bob"}, "password": {"x"}})
	challenged(t, "big response of a sign-in", p)
}

// TestGate_OneAfterAnother: the unsafe requests of a visit run one after another.
func TestGate_OneAfterAnother(t *testing.T) {
	running := make(chan struct{}, 1)
	var clash string
	d := newDesk()
	h := &deskHarness{harness.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.URL.Path == "/none" {
			select {
			case running <- struct{}{}:
			default:
				clash = r.Method + r.URL.RawQuery
			}
			fmt.Fprint(w, "done")
			<-running
			return
		}
		d.ServeHTTP(w, r)
	}), deskLines), d, t}
	b := h.Browser()
	b.Get("/")
	h.in(b, "carol")
	var all []<-chan *harness.Page
	for i := range 24 {
		method := []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch}[i%4]
		all = append(all, later(func() *harness.Page { return b.Fetch(method, fmt.Sprint("/none?", i), "text/plain", "x") }))
	}
	for i, c := range all {
		if p := <-c; p.Body != "done" {
			t.Errorf("request %d: %d %s", i, p.Status, p.Body)
		}
	}
	if clash != "" {
		t.Errorf("%s ran beside another", clash)
	}
}

// TestGate_BlockNobody: while an unsafe request runs, a long poll waits and an event stream is
// open, safe requests are answered, and so are other visits' unsafe ones. Poll and stream do not
// delay unsafe requests.
func TestGate_BlockNobody(t *testing.T) {
	h := startDesk(t, "")
	alice := h.enrol("alice")
	for _, user := range []string{"alice", "carol"} {
		b := h.cleared(user, alice)
		poll := later(func() *harness.Page { return b.Get("/page?stop=poll" + user) })
		h.desk.await(t)
		r := b.Request(http.MethodGet, "/page?after=stream"+user, nil)
		r.Header.Set("Accept", "text/event-stream")
		r.Header.Set("Sec-Fetch-Mode", "cors")
		res, err := b.Client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		h.desk.await(t)
		events := bufio.NewReader(res.Body)
		if first, err := events.Peek(len(markOf(user))); err != nil || string(first) != markOf(user) {
			t.Errorf("the stream begins with %q, %v", first, err)
		}
		close(h.desk.stop("stream" + user)) // it held the session's lock, as no PHP script should
		res.Body.Close()

		post := later(func() *harness.Page { return b.Post("/page?stop=post"+user, url.Values{"a": {"b"}}) })
		h.desk.await(t)
		if p := b.Get("/page"); p.Body != markOf(user) {
			t.Errorf("%s: a GET beside a POST: %d %q %s", user, p.Status, p.Location, p.Body)
		}
		other := h.Browser()
		other.Get("/")
		if p := h.in(other, "carol"); p.Status != http.StatusOK {
			t.Errorf("another visit's POST: %d", p.Status)
		}
		close(h.desk.stop("post" + user))
		if p := <-post; p.Body != markOf(user) {
			t.Errorf("%s: the POST: %d %q %s", user, p.Status, p.Location, p.Body)
		}
		close(h.desk.stop("poll" + user))
		if p := <-poll; p.Body != markOf(user) {
			t.Errorf("%s: the long poll: %d %q %s", user, p.Status, p.Location, p.Body)
		}
	}
}
