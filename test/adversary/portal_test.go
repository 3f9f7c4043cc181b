package adversary

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// model is a model of a portal: sessions, pages that show their reader, and a form that changes
// data. It accepts every request; the gateway must keep the attacker out.
type model struct {
	world World
	// end is closed when the run is over. Requests that still wait continue then.
	end chan struct{}

	mu       sync.Mutex
	sessions map[string]*stored
	remember map[string]signedIn // token → user
	made     int                 // counts ids, tokens and secrets
	executed []execution
	// secretFrom is the time at which the victim got a second factor; ended are the times at which
	// users' sessions were ended.
	secretFrom time.Time
	ended      map[string]time.Time
	// turn lets one sign-in run at a time, in worlds with one session per user.
	turn    chan struct{}
	trouble trouble
}

// stored is a session as other requests see it.
type stored struct {
	signedIn
	pin, check, token string
	pinned            bool
	// framed says that the user signed in inside of a tunnel.
	framed bool
	// named is when the session got its present id.
	named time.Time
	lock  chan struct{}
}

// signedIn is a signed-in user, and the time of the sign-in.
type signedIn struct {
	user  string
	since time.Time
}

// execution is a form that the portal executed. open says that it arrived before its user had a
// second factor.
type execution struct {
	user, by, note string
	open           bool
}

func newModel(w World) *model {
	return &model{
		world: w, end: make(chan struct{}), sessions: make(map[string]*stored), remember: make(map[string]signedIn),
		ended: make(map[string]time.Time), turn: make(chan struct{}, 1),
	}
}

// number returns a fresh number.
func (p *model) number() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made++
	return p.made
}

// call is one request at the portal.
type call struct {
	*model
	up *upstream
	r  *http.Request
	// flight is the request of the run that this is; nil for a question.
	flight *flight
	page   string
	form   url.Values

	id     string // the session's, "" without one
	sess   *stored
	locked []*stored
	// signedIn is who the request is signed in as, when its session was read.
	signedIn
	// open says that the victim had no second factor when the request arrived; goesOn that the
	// response is a stream or a tunnel.
	open, goesOn bool
	// found is the session as the request first read it.
	found *stored
	body  []byte
	// turned reports that no other sign-in runs.
	turned bool
	// set are the response's cookies, writes what others see after the commit.
	set    []string
	writes []func()
	sent   bool
}

// serve is the portal's handler.
func (p *model) serve(up *upstream, r *http.Request) {
	defer close(up.done)
	f, _ := r.Context().Value(flightKey{}).(*flight)
	c := &call{model: p, up: up, r: r, flight: f, page: p.route(r.URL.Path), open: p.open()}
	defer c.unlock()
	defer c.giveTurn()
	if m := r.Header.Get("X-Http-Method-Override"); m != "" && p.world.Extras {
		r.Method = m
	}
	if !c.readForm() {
		return
	}
	if p.world.Slow == "all" || p.world.Slow == "whoami" && c.page == "whoami" {
		p.sleep(50 * time.Millisecond)
	}
	c.at("arrive")
	if c.meets("slow", "fail") == "fail" {
		c.write(500, "out of order")
		return
	}
	c.find()
	c.at("read")
	c.meets("stale")
	c.answer()
	c.saveWhole()
	if p.world.Commit == "later" {
		go func() { p.sleep(p.world.late()); c.commit() }()
		return
	}
	if len(c.writes) > 0 {
		p.sleep(time.Millisecond)
	}
	c.commit()
}

// route reads a path as servers do: slashes merged, dots resolved, and the rest after a page's
// name is path info. Pages are below "/" and "/app".
func (p *model) route(raw string) string {
	clean := path.Clean("/" + strings.ReplaceAll(raw, `\`, "/"))
	if p.world.FoldCase {
		clean = strings.ToLower(clean)
	}
	segments := strings.Split(strings.Trim(clean, "/"), "/")
	for len(segments) > 0 && (segments[0] == "app" || segments[0] == "inner") {
		segments = segments[1:]
	}
	if len(segments) == 0 {
		return ""
	}
	name, _, _ := strings.Cut(segments[0], ";")
	return name
}

// sleep takes time, unless the run is over.
func (p *model) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-p.end:
	}
}

// at is a named stop of the handler.
func (c *call) at(stop string) {
	if c.flight == nil {
		return
	}
	// Documented limit: requests that run in parallel to an undeclared link. So the link takes no
	// time, and no form waits while a link could change its user.
	if c.world.undeclaredLink() && (c.r.Method == "POST" || c.signsIn() && stop != "arrive") {
		return
	}
	// Documented limit: a sign-in that is committed later than the gateway waits. So a late commit
	// happens at the world's time.
	if c.world.Commit == "later" && stop == "commit" {
		return
	}
	c.flight.stop(stop, c.up.gone, c.end)
}

// find finds the request's session, and waits for its lock.
func (c *call) find() {
	id := c.sessionID()
	c.mu.Lock()
	sess := c.sessions[id]
	c.mu.Unlock()
	if id != "" && sess == nil && c.world.Loose {
		sess = c.begin(id)
	}
	if sess == nil {
		if f := c.about(); id != "" && f != nil {
			f.outdated.Store(true)
		}
		id = ""
	}
	c.id, c.sess = id, sess
	if sess != nil {
		c.lock(sess)
	}
	c.signedIn = c.reader()
	if sess == nil && c.eager() {
		c.start()
	}
	c.revive()
	c.renewDue()
	c.found = c.sess
}

// about is the request of the run that the call is, or that it is a question about; it may be nil.
func (c *call) about() *flight {
	f, _ := c.r.Context().Value(askedForKey{}).(*flight)
	return cmp.Or(c.flight, f)
}

// eager reports whether a page starts a session that the request does not have. Outside
// of the base and of the cookie's path there are other applications, but for the page
// that is asked.
func (c *call) eager() bool {
	switch {
	case c.world.Lazy || c.page == "style.css":
		return false
	case c.page == "whoami":
		return true
	case !pathMatch(max(c.world.Base, "/"), path.Clean(c.r.URL.Path)):
		return false
	}
	return c.world.CookiePath == "none" || pathMatch(c.world.CookiePath, c.r.URL.Path)
}

// sessionID is the id that a request names.
func (c *call) sessionID() string {
	name := c.world.Name
	if ids := c.cookies(name); len(ids) > 0 {
		return pick(ids, c.world.Last)
	}
	if strings.Contains(c.world.IDs, "url") {
		if id := c.r.URL.Query().Get(name); id != "" {
			return id
		}
		if _, id, ok := strings.Cut(c.r.URL.Path, ";jsessionid="); ok {
			return id
		}
	}
	if strings.Contains(c.world.IDs, "body") {
		return c.form.Get(name)
	}
	return ""
}

func (c *call) cookies(name string) (values []string) {
	for _, line := range c.r.Header["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			if n, v, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && n == name {
				values = append(values, v)
			}
		}
	}
	return values
}

func pick(values []string, last bool) string {
	if last {
		return values[len(values)-1]
	}
	return values[0]
}

// reader returns the user for whom the portal renders, by the current state of its sessions.
func (c *call) reader() signedIn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if user, ok := strings.CutPrefix(c.r.Header.Get("Authorization"), "Basic "); ok && c.world.Extras {
		return signedIn{user: user}
	}
	if c.sess != nil && c.sess.user != "" {
		switch {
		case c.fits(c.sess):
			return c.sess.signedIn
		case !c.world.Falls:
			return signedIn{}
		}
	}
	if tokens := c.cookies("REM"); c.world.Remember && len(tokens) > 0 {
		return c.remember[pick(tokens, c.world.Last)]
	}
	return signedIn{}
}

// follow reads the request's session again, because another request may have created it meanwhile.
func (c *call) follow() {
	c.mu.Lock()
	if sess := c.sessions[c.sessionID()]; sess != nil {
		c.sess = sess
	}
	c.mu.Unlock()
	c.signedIn = c.reader()
}

// fits reports whether the request shows all that its session is bound to; the caller
// holds mu.
func (c *call) fits(s *stored) bool {
	if s.pinned && s.pin != c.world.pinValue(c.r) {
		return false
	}
	return c.world.Second == "" || slices.Contains(c.cookies("CHK"), s.check)
}

// begin creates an empty session under an id.
func (c *call) begin(id string) *stored {
	n := c.number()
	s := &stored{token: fmt.Sprintf("TOKEN-%d.", n), named: time.Now(), lock: make(chan struct{}, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions[id] = s
	return s
}

// start creates a session for a request without one, and sets its cookie.
func (c *call) start() {
	c.id = fmt.Sprintf("session-of-the-portal-%d", c.number())
	c.sess = c.begin(c.id)
	c.lock(c.sess)
	c.setCookie(c.world.Name, c.id, c.world.CookiePath, "")
}

func (c *call) setCookie(name, value, path, more string) {
	line := name + "=" + value + "; HttpOnly" + more
	if path != "none" {
		line += "; Path=" + path
	}
	c.set = append(c.set, line)
}

// lock takes a session's lock, which the request keeps to its end.
func (c *call) lock(s *stored) {
	if !c.world.Locks {
		return
	}
	select {
	case s.lock <- struct{}{}:
		c.locked = append(c.locked, s)
	case <-c.end:
	}
}

func (c *call) unlock() {
	for _, s := range c.locked {
		<-s.lock
	}
	c.locked = nil
}

// commit makes the request's changes visible to others.
func (c *call) commit() {
	writes := c.writes
	c.writes = nil
	if len(writes) == 0 {
		return
	}
	c.at("commit")
	c.mu.Lock()
	for _, write := range writes {
		write()
	}
	c.mu.Unlock()
	c.at("committed")
}
