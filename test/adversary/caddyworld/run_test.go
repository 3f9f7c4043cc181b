package caddyworld

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// violation is what the gateway must never let happen.
type violation struct {
	kind, text string
	// step is the one that showed it.
	step int
}

func (v *violation) Error() string { return v.kind + ": " + v.text }

// errUnusable says that the owner could not get in before any attack.
var errUnusable = errors.New("the owner could not get in")

// run is a case under way, on a loaded server.
type run struct {
	*server
	c        Case
	browsers map[string]*browser
	entered  map[int]bool
	token    string
	// fence: strangers of the site have a fence.
	fence bool
	// unusable is why the owner did not get in at first.
	unusable error
}

// play loads a case and carries its steps out.
func (s *server) play(c Case) error {
	if err := s.load(c); err != nil {
		return err
	}
	return s.steps(c)
}

// steps carries the steps of a loaded case out.
func (s *server) steps(c Case) error {
	r := &run{server: s, c: c, fence: strings.Contains(c.Caddyfile, "guest ")}
	r.restart()
	for i, step := range c.Steps {
		if err := r.step(step); err != nil {
			if v, ok := errors.AsType[*violation](err); ok {
				v.step = i
			}
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return r.unusable
}

func (r *run) restart() { r.browsers, r.entered = map[string]*browser{}, map[int]bool{} }

func (r *run) browser(name string) *browser {
	if r.browsers[name] == nil {
		r.browsers[name] = newBrowser()
	}
	return r.browsers[name]
}

func (r *run) step(s Step) error {
	if s.Site >= len(r.c.Sites) {
		s.Site = 0
	}
	for _, p := range r.portals {
		p.mu.Lock()
		p.actor = s.By
		p.mu.Unlock()
	}
	switch {
	case s.Do == "restart":
		r.restart()
		return nil
	case s.By == "owner" && s.Do == "enter":
		return r.enter(s.Site)
	case s.By == "owner":
		return r.look(s.Site)
	case s.Do == "enter":
		return r.enterAs(s, "mallet")
	}
	_, err := r.attack(s)
	return err
}

// attack sends a request of the attacker and judges what came back.
func (r *run) attack(s Step) (page, error) {
	site := r.c.Sites[s.Site]
	b, from := r.browser(s.By), r.browser(s.By)
	if s.From != "" {
		from = r.browser(s.From)
	}
	p, err := r.lines.send(b, from, site, r.fill(site.URL), r.fillStep(s))
	if err != nil {
		return p, nil // a request that cannot be sent, or a connection that was ended
	}
	return p, r.judge(p, s)
}

// judge is the oracle for a response to the attacker.
func (r *run) judge(p page, s Step) error {
	if m := tokenPattern.FindStringSubmatch(p.body); m != nil {
		r.token = m[1]
	}
	for i, portal := range r.portals {
		if r.protected(i) && strings.Contains(p.all, portal.secret("victim")) {
			return &violation{kind: "leak", text: fmt.Sprintf("a page of the victim reached the attacker: %d %.100q", p.status, p.body)}
		}
		portal.mu.Lock()
		changed := portal.changed
		portal.changed = nil
		portal.mu.Unlock()
		for _, c := range changed {
			if r.protected(i) && c.actor == s.By && c.user == "victim" {
				return &violation{kind: "change", text: "the attacker's request changed something as the victim"}
			}
		}
	}
	if r.fence && strings.Contains(p.all, fenced) {
		return &violation{kind: "fence", text: fmt.Sprintf("a stranger saw what guest shuts: %d %.100q", p.status, p.body)}
	}
	return nil
}

// protected reports whether the victim of a portal has a second factor.
func (r *run) protected(portal int) bool {
	for _, site := range r.c.Sites {
		if site.Portal == portal && !site.Twin {
			return true
		}
	}
	return false
}

var tokenPattern = regexp.MustCompile(`"token":"([^"]+)"`)

// fillStep puts what is only known now in place of names.
func (r *run) fillStep(s Step) Step {
	s.Header = slices.Clone(s.Header)
	for i, h := range s.Header {
		s.Header[i] = strings.ReplaceAll(h, "TOKEN", r.token)
	}
	return s
}

// ask is a request of the owner, or of the attacker as one of the own users.
func (r *run) ask(b *browser, at int, as string, s Step) (page, error) {
	site := r.c.Sites[at]
	s.As = as
	return r.lines.send(b, b, site, r.fill(site.URL), s)
}

// session is a user who uses a site as intended.
type session struct {
	r     *run
	b     *browser
	site  int
	user  string
	token string
}

func (s *session) send(step Step) (page, error) {
	if s.token != "" {
		step.Header = append(step.Header, "Authorization: Bearer "+s.token)
	}
	return s.r.ask(s.b, s.site, s.user, step)
}

// signIn shows the first factor.
func (s *session) signIn() (page, error) {
	if p, err := s.send(Step{Target: "/"}); err != nil {
		return p, err
	}
	switch s.r.c.Sites[s.site].First {
	case "":
		return s.send(Step{Target: "/login", Body: "user=" + s.user + "&password=" + password(s.user)})
	case "token":
		p, err := s.send(Step{Target: "/graphql", Body: loginQuery(s.user, "")})
		if m := tokenPattern.FindStringSubmatch(p.body); m != nil {
			s.token = m[1]
		}
		return p, err
	}
	return page{}, nil
}

func loginQuery(user, alias string) string {
	return `{"query":"mutation{` + alias + `login(user:\"` + user + `\",password:\"` + password(user) + `\"){token}}"}`
}

// enter signs in and gives a code if the gateway asks for one. challenged reports whether it did.
func (s *session) enter() (p page, challenged bool, err error) {
	if _, err = s.signIn(); err != nil {
		return p, false, err
	}
	if p, err = s.send(Step{Target: "/data"}); err != nil || !strings.Contains(p.header.Get("Location"), "/two-factor/challenge") {
		return p, false, err
	}
	d := s.r.device(s)
	if d == nil {
		return p, true, nil
	}
	code := "code=" + d.Code(s.r.t)
	if p, err = s.send(Step{Target: "/two-factor/challenge", Body: code}); err != nil {
		return p, true, err
	}
	if s.r.c.Sites[s.site].First == "token" {
		if _, err = s.signIn(); err != nil {
			return p, true, err
		}
	}
	p, err = s.send(Step{Target: "/data"})
	return p, true, err
}

func (r *run) device(s *session) *harness.Device {
	site := r.c.Sites[s.site]
	if site.Twin {
		return nil
	}
	return r.devices[site.Realm+"/"+s.user]
}

// enter is the owner's sign-in. An owner who could get in at first must always get in.
func (r *run) enter(at int) error {
	s := &session{r: r, b: r.browser("owner"), site: at, user: "victim"}
	p, challenged, err := s.enter()
	site := r.c.Sites[at]
	if err == nil && strings.Contains(p.body, r.secretOf(at)) {
		r.entered[at] = true
		if challenged {
			r.leaveOthers(at)
		}
		return nil
	}
	if challenged && site.Twin {
		return &violation{kind: "locked out", text: "a user who never set up a second factor is asked for a code"}
	}
	if r.unusable == nil {
		r.unusable = fmt.Errorf("%w: site %d: %v: %d %q %.300q", errUnusable, at, err, p.status, p.header.Get("Location"), p.body)
	}
	return nil
}

// leaveOthers forgets that the owner is signed in at other ports of the host in the same realm.
// These ports share the visit, and a code gives it a new token. Cookies that are sealed for
// another port can't be sealed again then, so the owner signs in there once more.
func (r *run) leaveOthers(at int) {
	host := func(site Site) string { return strings.Split(site.URL, ":PORT")[0] }
	entered := r.c.Sites[at]
	for i, site := range r.c.Sites {
		if i != at && site.Realm == entered.Realm && host(site) == host(entered) && !strings.HasPrefix(site.URL, strings.Split(entered.URL, "/one")[0]+"/") {
			delete(r.entered, i)
		}
	}
}

func (r *run) secretOf(at int) string { return r.portals[r.c.Sites[at].Portal].secret("victim") }

// look opens the owner's page. After a complete sign-in the page must be shown.
func (r *run) look(at int) error {
	if !r.entered[at] {
		return nil
	}
	s := &session{r: r, b: r.browser("owner"), site: at, user: "victim"}
	if r.c.Sites[at].First == "token" {
		return nil // the application's token is not the browser's
	}
	p, err := s.send(Step{Target: "/data"})
	if err == nil && p.status == 200 && strings.Contains(p.body, r.secretOf(at)) {
		return nil
	}
	return &violation{kind: "locked out", text: fmt.Sprintf("the owner, who is signed in, gets %v %d %q %.100q", err, p.status, p.header.Get("Location"), p.body)}
}

// enterAs signs the attacker in with an own account and an own code.
func (r *run) enterAs(s Step, user string) error {
	own := &session{r: r, b: r.browser(s.By), site: s.Site, user: user}
	p, _, err := own.enter()
	if err != nil {
		return nil
	}
	return r.judge(p, s)
}
