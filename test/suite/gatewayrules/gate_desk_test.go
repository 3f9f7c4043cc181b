package gatewayrules

import (
	"compress/gzip"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// desk is a portal with its sign-in and its pages controlled by query parameters. Tests can stop a
// request inside of it. Query parameters:
//
//	kind=…    how a page is sent, see kinds
//	rotate=1  a sign-in makes a new session id; keep=1 keeps the old one signed in too
//	stop=X    the request reports at arrived and waits for the channel of stops X
//	inside=X  the same, while it holds the session's lock
//	after=X   the same, when its headers are sent and it still holds the lock
type desk struct {
	mu       sync.Mutex
	sessions map[string]*deskSession
	seen     []*http.Request
	signedIn int
	stops    map[string]chan struct{}
	// whoami, if set, answers /me instead of the portal.
	whoami func(w http.ResponseWriter, r *http.Request) bool

	// arrived receives the name of each request that is about to wait.
	arrived chan string
}

type deskSession struct {
	// lock is held while a request of the session runs, as PHP does.
	lock sync.Mutex
	user string
}

// answerMe has /me answered by this, or by the desk again where it is nil. Questions
// that were given up may still be on their way then.
func (d *desk) answerMe(f func(w http.ResponseWriter, r *http.Request) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.whoami = f
}

func (d *desk) answering() func(w http.ResponseWriter, r *http.Request) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.whoami
}

func newDesk() *desk {
	return &desk{sessions: map[string]*deskSession{}, stops: map[string]chan struct{}{}, arrived: make(chan string, 64)}
}

// deskLines describe the desk. /as/USER signs in too, and is not declared to the gateway.
const deskLines = `realm default
whoami /me {
	anonymous status 401
	user json user
}
sign_in /in {
	page /
	username user
	password password
}
sign_out /out
backup_codes 4
`

// markOf is in everything that only the user may see.
func markOf(user string) string { return "SECRET-" + user }

// stop returns the channel on which requests with this name wait. Closing it releases them.
func (d *desk) stop(name string) chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stops[name] == nil {
		d.stops[name] = make(chan struct{})
	}
	return d.stops[name]
}

// await waits until a request has stopped, and returns its name.
func (d *desk) await(t *testing.T) string {
	t.Helper()
	select {
	case name := <-d.arrived:
		return name
	case <-time.After(20 * time.Second):
		t.Fatal("no request arrived at the portal")
		return ""
	}
}

// wait stops a request at the places that its query names.
func (d *desk) wait(r *http.Request, parameter string) {
	if name := r.URL.Query().Get(parameter); name != "" {
		d.arrived <- name
		<-d.stop(name)
	}
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/me" {
		d.mu.Lock()
		d.seen = append(d.seen, r.Clone(context.Background()))
		d.mu.Unlock()
	} else if answer := d.answering(); answer != nil && answer(w, r) {
		return
	}
	_ = r.ParseForm() // reads the body, as PHP does before the script runs
	d.wait(r, "stop")
	id, s := d.session(r)
	if s == nil && r.URL.Path != "/me" && r.URL.Path != "/none" {
		id, s = rand.Text(), &deskSession{}
		d.put(id, s)
		setID(w, id)
	}
	if s != nil {
		s.lock.Lock()
		defer s.lock.Unlock()
	}
	d.wait(r, "inside")
	if r.URL.Query().Get("after") != "" {
		defer d.wait(r, "after")
		defer func() { _ = http.NewResponseController(w).Flush() }()
	}
	switch user, as := strings.CutPrefix(r.URL.Path, "/as/"); {
	case r.URL.Path == "/me":
		deskMe(w, s)
	case r.URL.Path == "/out":
		s.user = ""
		http.Redirect(w, r, "/", http.StatusFound)
	case r.URL.Path == "/in" && r.FormValue("password") != "":
		d.signIn(w, r, id, s, r.FormValue("user"))
	case as:
		d.signIn(w, r, id, s, user)
	case s == nil:
		fmt.Fprint(w, "nobody")
	default:
		show(w, r, s.user)
	}
}

func (d *desk) signIn(w http.ResponseWriter, r *http.Request, id string, s *deskSession, user string) {
	q := r.URL.Query()
	if q.Get("rotate") != "" {
		fresh := rand.Text()
		d.put(fresh, s)
		setID(w, fresh)
		if q.Get("keep") == "" {
			d.mu.Lock()
			delete(d.sessions, id)
			d.mu.Unlock()
		}
	}
	s.user = user
	d.mu.Lock()
	d.signedIn++
	d.mu.Unlock()
	show(w, r, user)
}

func deskMe(w http.ResponseWriter, s *deskSession) {
	w.Header().Set("Content-Type", "application/json")
	if s == nil || s.user == "" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	fmt.Fprintf(w, `{"user":%q}`, s.user)
}

func setID(w http.ResponseWriter, id string) {
	w.Header().Add("Set-Cookie", "desk="+id+"; Path=/; HttpOnly")
}

func (d *desk) session(r *http.Request) (string, *deskSession) {
	c, err := r.Cookie("desk")
	if err != nil {
		return "", nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return c.Value, d.sessions[c.Value]
}

func (d *desk) put(id string, s *deskSession) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sessions[id] = s
}

// signIns counts the sign-ins so far.
func (d *desk) signIns() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.signedIn
}

// become makes one user's sessions another's, without any request.
func (d *desk) become(user, other string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.sessions {
		s.lock.Lock()
		if s.user == user {
			s.user = other
		}
		s.lock.Unlock()
	}
}

// last is the last request that arrived at a path, or nil.
func (d *desk) last(path string) *http.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := len(d.seen) - 1; i >= 0; i-- {
		if d.seen[i].URL.Path == path {
			return d.seen[i]
		}
	}
	return nil
}

// kinds are the ways in which the desk sends what only a user may see. Each contains the user's
// mark in the clear.
var kinds = []string{"page", "redirect", "token", "gzip", "chunked", "trailer", "hints", "range", "empty", "error"}

func show(w http.ResponseWriter, r *http.Request, user string) {
	mark := markOf(user)
	if user == "" {
		mark = "nobody"
	}
	h := w.Header()
	h.Set("X-User", mark)
	h.Set("Content-Type", "text/html")
	switch r.URL.Query().Get("kind") {
	case "redirect":
		h.Set("Location", "/welcome?token="+mark)
		w.WriteHeader(http.StatusFound)
	case "token":
		h.Set("Content-Type", "application/json")
		h.Set("Set-Cookie2", mark)
		fmt.Fprintf(w, `{"token":%q}`, mark)
	case "gzip":
		h.Set("Content-Encoding", "gzip")
		z, _ := gzip.NewWriterLevel(w, gzip.NoCompression) // the mark can be read off the wire
		fmt.Fprint(z, mark)
		z.Close()
	case "chunked":
		for range 3 {
			fmt.Fprint(w, mark)
			_ = http.NewResponseController(w).Flush()
		}
	case "trailer":
		h.Set("Trailer", "X-Late")
		fmt.Fprint(w, strings.Repeat("x", 10000))
		h.Set("X-Late", mark)
	case "hints":
		h.Set("Link", "</"+mark+".css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		fmt.Fprint(w, mark)
	case "range":
		h.Set("Content-Range", "bytes 0-3/100")
		w.WriteHeader(http.StatusPartialContent)
		fmt.Fprint(w, mark)
	case "big":
		fmt.Fprint(w, mark, strings.Repeat("x", 32<<20))
	case "empty":
		w.WriteHeader(http.StatusNoContent)
	case "error":
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprint(w, mark)
	default:
		fmt.Fprint(w, mark)
	}
}

// wire is every byte that a browser read from its connections.
type wire struct {
	mu  sync.Mutex
	buf []byte
}

// spy makes the browser, and its later clones, record all bytes from the wire.
func spy(t *testing.T, b *harness.Browser) *wire {
	w := &wire{}
	dialer := &net.Dialer{}
	tr := &http.Transport{DisableCompression: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, addr)
		return &spiedConn{c, w}, err
	}}
	t.Cleanup(tr.CloseIdleConnections)
	b.Client.Transport = tr
	return w
}

type spiedConn struct {
	net.Conn
	wire *wire
}

func (c *spiedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.wire.mu.Lock()
	c.wire.buf = append(c.wire.buf, p[:n]...)
	c.wire.mu.Unlock()
	return n, err
}

// take returns what came since the last take.
func (w *wire) take() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := string(w.buf)
	w.buf = nil
	return s
}

// deskHarness is a gateway before a desk at which people can enrol once.
type deskHarness struct {
	*harness.Harness
	desk *desk
	t    *testing.T
}

func startDesk(t *testing.T, extra string) *deskHarness {
	t.Helper()
	d := newDesk()
	return &deskHarness{harness.Start(t, d, deskLines+extra), d, t}
}

// in signs the browser in as the portal's form does.
func (h *deskHarness) in(b *harness.Browser, user string) *harness.Page {
	h.t.Helper()
	return b.Post("/in", url.Values{"user": {user}, "password": {"x"}})
}

// enrol gives the user a second factor, in a new browser.
func (h *deskHarness) enrol(user string) *harness.Device {
	h.t.Helper()
	b := h.Browser()
	h.in(b, user)
	return b.Enrol()
}

// cleared is a new browser that is signed in and has given a code.
func (h *deskHarness) cleared(user string, d *harness.Device) *harness.Browser {
	h.t.Helper()
	b := h.Browser()
	b.Get("/") // sets a stranger's session cookie; a sign-in keeps it
	h.clear(b, user, d)
	return b
}

func (h *deskHarness) clear(b *harness.Browser, user string, d *harness.Device) {
	h.t.Helper()
	h.in(b, user)
	b.Pass(d.Code(h.t))
	if p := b.Get("/page"); p.Body != markOf(user) {
		h.t.Fatalf("not cleared: %d %q %.300s", p.Status, p.Location, p.Body)
	}
}

// challenged fails the test unless the page sends to the challenge and shows nothing.
func challenged(t *testing.T, what string, p *harness.Page) {
	t.Helper()
	if p.Status != http.StatusSeeOther || p.Location != "/two-factor/challenge" || strings.Contains(p.Body, "SECRET") {
		t.Errorf("%s: %d %q %.200s; want the challenge", what, p.Status, p.Location, p.Body)
	}
}
