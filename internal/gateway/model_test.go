package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// The attack tests run a gateway before a model of a portal, in virtual time: a bubble of
// testing/synctest, so that settle and recheck cost nothing. In the portal alice has a
// second factor and bob has none; the attacker has both passwords.

// secret is what the portal shows to a user and to no other.
func secret(user string) string { return "<secret of " + user + ">" }

// shop is a portal with sessions by cookie. Its sign-in keeps the session's id.
type shop struct {
	mu sync.Mutex
	// users are the signed-in users by session id, "" for an anonymous session.
	users map[string]string
	// attributes are those of its session cookie.
	attributes string
	// pinned is what a session is bound to besides its id, by id: nothing where pin is nil.
	pin    func(*http.Request) string
	pinned map[string]string
	// pages are the pages of one test, by their cleaned path.
	pages map[string]func(w http.ResponseWriter, r *http.Request) error
	// asked counts whoami's questions; got is their headers.
	asked int
	got   []http.Header
	begun int
}

func newShop() *shop {
	return &shop{
		attributes: "; Path=/", users: make(map[string]string), pinned: make(map[string]string),
		pages: make(map[string]func(http.ResponseWriter, *http.Request) error),
	}
}

// id is the session id that the request carries; the first of several, as PHP has it.
func (s *shop) id(r *http.Request) string {
	c, err := r.Cookie("SID")
	if err != nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.users[c.Value]; !known {
		return ""
	}
	return c.Value
}

func (s *shop) user(r *http.Request) string {
	id := s.id(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pin != nil && s.users[id] != "" && s.pinned[id] != s.pin(r) {
		return ""
	}
	return s.users[id]
}

// begin returns the request's session, or a new one.
func (s *shop) begin(w http.ResponseWriter, r *http.Request) (id string) {
	if id = s.id(r); id != "" {
		return id
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun++
	id = fmt.Sprint("id", s.begun)
	s.users[id] = ""
	w.Header().Add("Set-Cookie", "SID="+id+s.attributes)
	return id
}

// commit signs a user in.
func (s *shop) commit(r *http.Request, id, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[id] = user
	if s.pin != nil {
		s.pinned[id] = s.pin(r)
	}
}

// ServeHTTP implements gateway.Next.
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) error {
	name := path.Clean(r.URL.Path)
	if page := s.pages[name]; page != nil {
		return page(w, r)
	}
	switch {
	case strings.HasSuffix(name, "/me"):
		return s.whoami(w, r)
	case strings.Contains(name, "/login.php"): // with path info, too
		s.commit(r, s.begin(w, r), r.FormValue("user"))
		_, err := io.WriteString(w, "welcome "+secret(r.FormValue("user")))
		return err
	case strings.HasSuffix(name, ".css"):
		w.Header().Set("Content-Type", "text/css")
		w.Header().Set("Cache-Control", "public, max-age=3600")
	}
	_, err := io.WriteString(w, "page "+secret(s.user(r)))
	return err
}

func (s *shop) whoami(w http.ResponseWriter, r *http.Request) error {
	s.mu.Lock()
	s.asked++
	s.got = append(s.got, r.Header.Clone())
	s.mu.Unlock()
	user := s.user(r)
	if user == "" {
		w.WriteHeader(http.StatusUnauthorized)
		return nil
	}
	return json.NewEncoder(w).Encode(map[string]string{"user": user})
}

// questions returns how many questions f causes.
func (s *shop) questions(f func()) int {
	s.mu.Lock()
	before := s.asked
	s.mu.Unlock()
	f()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked - before
}

// world is a gateway before a shop.
type world struct {
	t    *testing.T
	shop *shop
	g    *gateway.Gateway
	logs *observer.ObservedLogs
}

// newWorld makes a gateway with a whoami at each uri; change may change its options.
func newWorld(t *testing.T, change func(*gateway.Options), uris ...string) *world {
	t.Helper()
	if len(uris) == 0 {
		uris = []string{"/me"}
	}
	w := &world{t: t, shop: newShop()}
	core, logs := observer.New(zap.InfoLevel)
	w.logs = logs
	ring, err := keys.Parse(keys.Generate())
	if err != nil {
		t.Fatal(err)
	}
	headers, leave := portal.NewHeaders(nil), portal.NewCookiePolicy(nil)
	asker := &portal.Asker{CookiePolicy: leave, Clock: time.Now, Headers: headers}
	for _, uri := range uris {
		question, err := whoami.Compile(config.Whoami{URI: uri, Anonymous: []config.Sign{{Status: []int{401}}}, User: &config.Extractor{JSON: "user"}})
		if err != nil {
			t.Fatal(err)
		}
		asker.Questions = append(asker.Questions, question)
	}
	st := newMemory("alice")
	o := gateway.Options{
		Realm: "shop", Path: "/two-factor", Sealer: portal.NewSealer(ring, "shop"), CookiePolicy: leave, Headers: headers, Asker: asker,
		Fetch: fetch, SetUser: func(gateway.Next, string) {}, Recheck: time.Minute,
		Session: session.Policy{Life: 12 * time.Hour, Idle: 30 * time.Minute},
		Store:   st, Visits: gateway.NewVisits(st, time.Now), Logger: zap.New(core), Clock: time.Now,
	}
	if change != nil {
		change(&o)
	}
	w.g = gateway.New(o)
	return w
}

// fetch puts a question as Caddy's route does.
func fetch(ctx context.Context, next gateway.Next, base *http.Request, uri string, header http.Header) (whoami.Response, error) {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	r.Host, r.RemoteAddr, r.Header = base.Host, base.RemoteAddr, header
	rec := httptest.NewRecorder()
	if err := next.ServeHTTP(rec, r); err != nil {
		return whoami.Response{}, err
	}
	return whoami.Response{Status: rec.Code, Header: rec.Header(), Body: rec.Body.Bytes()}, ctx.Err()
}

// visitor is a browser: it keeps cookies for one host, all at "/", as Secondgate sets them,
// and sends them in the order in which they were made.
type visitor struct {
	w       *world
	cookies []*http.Cookie
	address string
}

func (w *world) visitor() *visitor {
	return &visitor{w: w, address: "192.0.2.1"}
}

// send sends a request, "METHOD /path body", and waits for the response. Headers are
// "Name: value"; a script's unless they say otherwise.
func (v *visitor) send(line string, headers ...string) *flight {
	f := v.start(v.w.t.Context(), line, headers...)
	<-f.done
	v.take(f)
	return f
}

// start sends a request and does not wait.
func (v *visitor) start(ctx context.Context, line string, headers ...string) *flight {
	f := new(flight)
	v.fly(ctx, f, line, headers...)
	return f
}

// fly is start for a flight that was made before.
func (v *visitor) fly(ctx context.Context, f *flight, line string, headers ...string) {
	method, rest, _ := strings.Cut(line, " ")
	target, body, sends := strings.Cut(rest, " ")
	var reader io.Reader
	if sends {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(ctx, method, target, reader)
	r.Header.Set("Sec-Fetch-Mode", "cors")
	if sends {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	for _, c := range v.cookies {
		r.AddCookie(c)
	}
	asked := *r.URL
	f.done, f.header = make(chan struct{}), make(http.Header)
	go f.serve(v.w, r, gateway.Client{Address: v.address, URL: &asked})
}

// take takes the response's cookies.
func (v *visitor) take(f *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, line := range f.sent["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			v.w.t.Error(err)
			continue
		}
		v.set(c.Name, c.Value, c.MaxAge < 0)
	}
}

// set sets or deletes a cookie.
func (v *visitor) set(name, value string, gone bool) {
	at := slices.IndexFunc(v.cookies, func(c *http.Cookie) bool { return c.Name == name })
	switch {
	case gone && at >= 0:
		v.cookies = slices.Delete(v.cookies, at, at+1)
	case at >= 0:
		v.cookies[at] = &http.Cookie{Name: name, Value: value}
	case !gone:
		v.cookies = append(v.cookies, &http.Cookie{Name: name, Value: value})
	}
}

// signIn signs a user in at the portal, with the password only.
func (v *visitor) signIn(user string) *flight { return v.send("POST /login.php user=" + user) }

// never fails the test if something of alice's reached the client.
func (v *visitor) never(when string, f *flight) {
	v.w.t.Helper()
	if got := f.text(); strings.Contains(got, secret("alice")) {
		v.w.t.Errorf("%s: alice's page went out: %s", when, got)
	}
}

// flight is one request; it is the http.ResponseWriter that the gateway writes to.
type flight struct {
	done chan struct{}
	err  error

	mu           sync.Mutex
	header, sent http.Header
	status       int
	body         bytes.Buffer
	aborted      bool
	// tunnel is the client's end of a connection that was handed over.
	tunnel net.Conn
	// early is what the client sent before the connection was handed over.
	early string
}

func (f *flight) serve(w *world, r *http.Request, c gateway.Client) {
	defer close(f.done)
	defer func() {
		if p := recover(); p != nil {
			if f.aborted = true; p != any(http.ErrAbortHandler) {
				w.t.Errorf("the gateway panicked: %v", p)
			}
		}
	}()
	f.err = w.g.ServeHTTP(f, r, c, w.shop)
}

func (f *flight) Header() http.Header { return f.header }

func (f *flight) WriteHeader(status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		f.status, f.sent = status, f.header.Clone()
	}
}

func (f *flight) Write(p []byte) (int, error) {
	f.WriteHeader(http.StatusOK)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.body.Write(p)
}

func (f *flight) FlushError() error                { return nil }
func (f *flight) SetReadDeadline(time.Time) error  { return nil }
func (f *flight) SetWriteDeadline(time.Time) error { return nil }

func (f *flight) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	client, server := net.Pipe()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tunnel = client
	go f.receive(client)
	in := bufio.NewReader(io.MultiReader(strings.NewReader(f.early), server))
	_, _ = in.Peek(len(f.early))
	return server, bufio.NewReadWriter(in, bufio.NewWriter(server)), nil
}

// receive reads what comes out of the tunnel.
func (f *flight) receive(client net.Conn) {
	buf := make([]byte, 512)
	for {
		n, err := client.Read(buf)
		f.mu.Lock()
		f.body.Write(buf[:n])
		f.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// text is what the client has got so far, headers and trailers included.
func (f *flight) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fmt.Sprintln(f.status, f.sent, f.body.String())
}

func (f *flight) code() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// memory is a store.Store without goroutines, which a bubble can hold. It implements what
// these tests need; all else panics, because the embedded interface is nil.
type memory struct {
	store.Store
	mu     sync.Mutex
	users  map[store.UserKey]store.User
	visits map[store.VisitID]store.Visit
}

// newMemory returns a store in which these users have an authenticator.
func newMemory(users ...string) *memory {
	m := &memory{users: make(map[store.UserKey]store.User), visits: make(map[store.VisitID]store.Visit)}
	for _, id := range users {
		key := store.UserKey{Realm: "shop", ID: id}
		m.users[key] = store.User{Key: key, TOTP: &store.TOTP{ID: "1"}}
	}
	return m
}

func (m *memory) User(_ context.Context, key store.UserKey) (store.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return found(m.users, key)
}

func (m *memory) Visit(_ context.Context, _ string, id store.VisitID) (store.Visit, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return found(m.visits, id)
}

func found[K comparable, V any](in map[K]V, key K) (v V, err error) {
	v, ok := in[key]
	if !ok {
		return v, store.ErrNotFound
	}
	return v, nil
}

func (m *memory) Update(_ context.Context, key store.UserKey, fn func(store.Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.begin(key)
	if err := fn(t); err != nil {
		return err
	}
	m.users, m.visits = t.users, t.visits
	return nil
}

func (m *memory) begin(key store.UserKey) *transaction {
	return &transaction{key: key, users: maps.Clone(m.users), visits: maps.Clone(m.visits)}
}

type transaction struct {
	store.Tx
	key    store.UserKey
	users  map[store.UserKey]store.User
	visits map[store.VisitID]store.Visit
}

func (t *transaction) User() (store.User, error)                   { return found(t.users, t.key) }
func (t *transaction) PutUser(u store.User) error                  { t.users[t.key] = u; return nil }
func (t *transaction) Visit(id store.VisitID) (store.Visit, error) { return found(t.visits, id) }
func (t *transaction) PutVisit(v store.Visit) error                { t.visits[v.ID] = v; return nil }
func (t *transaction) DeleteVisit(id store.VisitID) error          { delete(t.visits, id); return nil }
func (t *transaction) EndVisits(except ...store.VisitID) (ended []store.VisitID, err error) {
	for id, v := range t.visits {
		if v.User == t.key.ID && !slices.Contains(except, id) {
			delete(t.visits, id)
			ended = append(ended, id)
		}
	}
	return ended, nil
}
func (t *transaction) Record(store.Event) error { return nil }

var errCut = errors.New("the portal cut the connection")
