package check

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/onboard/direct"
	"github.com/secondgate/secondgate/internal/portal"
)

// sealed is the check that the cookies that the gateway does not seal don't sign in. It
// copies them into another browser, alone and together, and looks whether that is signed in.
func (r *run) sealed() outcome {
	c := r.first
	policy := portal.NewCookiePolicy(r.site.Leave)
	var names, signing []string
	for _, k := range c.gate.Cookies() {
		if class := policy.Class(k.Name); class != portal.Passthrough && class != portal.Public {
			continue
		}
		names = append(names, k.Name)
		if r.signsIn(c.gate.Only(func(o browse.Cookie) bool { return o.Name == k.Name })) {
			signing = append(signing, k.Name)
		}
	}
	unsealed := func(o browse.Cookie) bool { return slices.Contains(names, o.Name) }
	if len(signing) == 0 && len(names) > 1 && r.signsIn(c.gate.Only(unsealed)) {
		signing = names
	}
	if len(signing) > 0 {
		return failed(fmt.Sprintf("the cookie %s is not sealed, and signs another browser in", strings.Join(signing, ", ")),
			"take it out of `leave`: scripts can read an unsealed session, and attackers can steal or plant it")
	}
	if len(names) == 0 {
		return ok("every cookie of the portal")
	}
	return ok("all but %s, which sign no user in", strings.Join(names, ", "))
}

// signsIn reports whether this browser is signed in: the portal's page shows the customer,
// or the gateway asks for a code.
func (r *run) signsIn(b *browse.Browser) bool {
	p, err := r.force(b, r.first.home)
	if err != nil {
		return false
	}
	shown := r.first.marks.on(p) != ""
	return shown || r.fromGate(p)
}

const (
	maxScripts = 12
	maxNames   = 40
)

// setByScript captures the names in `document.cookie = "NAME=…"`.
var setByScript = regexp.MustCompile("document\\.cookie\\s*=\\s*[\"'`]([A-Za-z0-9_.-]{1,60})=")

// dropped reports which cookies the portal's scripts may miss: those that scripts set and
// the gateway drops, and sealed ones that scripts name. It sends each cookie that a script
// sets by a literal name. The outcome is ok in any case, since not every page needs them.
func (r *run) dropped() outcome {
	text := r.scripts()
	b := r.first.gate.Clone()
	u, err := url.Parse(r.plan.URL)
	if err != nil {
		return skipped("the site's address can't be read")
	}
	for _, m := range setByScript.FindAllStringSubmatch(text, maxNames) {
		b.Put(browse.Cookie{Name: m[1], Value: "1", Domain: u.Hostname(), HostOnly: true, Path: "/"})
	}
	if _, err := r.look(b, r.first.home); err != nil {
		return broken(err)
	}
	var saw []string
	missed, wanted := r.droppedNames(), r.wanted(text)
	if len(missed) > 0 {
		saw = append(saw, "dropped, though the portal's scripts set it: "+strings.Join(missed, ", "))
	}
	if len(wanted) > 0 {
		saw = append(saw, "sealed, though the portal's scripts name it: "+strings.Join(wanted, ", "))
	}
	if len(saw) == 0 {
		return ok("no cookie was found that the portal's scripts need")
	}
	o := ok("%s", strings.Join(saw, "; "))
	o.Do = "only if a page needs it, and it is no session: `leave " + strings.Join(append(missed, wanted...), " ") + "`"
	return o
}

// droppedNames returns the names of the cookies that the gateway logged as dropped.
func (r *run) droppedNames() (names []string) {
	log, _ := r.stage.Log() // without a log none is known
	for _, e := range log {
		if e.Cookie != "" && strings.HasPrefix(e.Message, "cookie dropped") && !slices.Contains(names, e.Cookie) {
			names = append(names, e.Cookie)
		}
	}
	return names
}

// wanted returns the names of sealed cookies that lack HttpOnly and that a script names.
func (r *run) wanted(text string) (names []string) {
	for _, k := range r.sealedCookies() {
		named := regexp.MustCompile(`["'` + "`" + `]` + regexp.QuoteMeta(k.Name) + `["'` + "`" + `=]`)
		if !k.HTTPOnly && named.MatchString(text) {
			names = append(names, k.Name)
		}
	}
	return names
}

// scripts returns the scripts of the sign-in page and of the page after the sign-in.
func (r *run) scripts() string {
	return strings.Join(browse.Scripts([]*browse.Page{r.first.entry.Login, r.first.entry.Page}, maxScripts, func(u *url.URL) (string, bool) {
		p, err := r.first.direct.Once(r.ctx, http.MethodGet, u.String(), http.Header{"Accept": {"*/*"}}, nil)
		if err != nil || p.Status != http.StatusOK {
			return "", false
		}
		return p.Text(), true
	}), "\n")
}

// bodyIDs is the check that the gateway refuses a form field with the name of a sealed
// cookie and another value than the visit's. The portal may take such a field for the id of
// another session, about which whoami is not asked.
func (r *run) bodyIDs() outcome {
	var names []string
	for _, k := range r.sealedCookies() {
		field := slices.ContainsFunc(r.site.SignIn, func(s config.SignIn) bool { return s.Username == k.Name || s.Password == k.Name })
		if !field && !slices.Contains(names, k.Name) {
			names = append(names, k.Name)
		}
	}
	for _, name := range names {
		p := r.post(r.first.gate, r.first.home, url.Values{name: {"of-another-session"}})
		if p != nil && p.Status == http.StatusForbidden {
			continue
		}
		answered := "no answer"
		if p != nil {
			answered = fmt.Sprintf("%s answers %d", p.URL.Path, p.Status)
		}
		return failed(fmt.Sprintf("a form with a field %s, as the session's cookie is named, and another value is not refused (%s)", name, answered),
			"take "+pathOf(r.first.home)+" out of `trust`; declare the name: `credential query "+name+"`")
	}
	if len(names) == 0 {
		return ok("the portal has no cookie that the gate seals")
	}
	return ok("refused with 403: a field %s with another value than the visit's own", strings.Join(names, ", "))
}

// delays are the times from sending a sign-in to closing its connection.
var delays = []time.Duration{0, 5 * time.Millisecond, 50 * time.Millisecond}

// droppedSignIn is the result of a sign-in with a connection that is closed before the response.
type droppedSignIn struct {
	err      error
	dropped  bool         // the connection was closed before the response came
	released *browse.Page // a page that was then released to the customer without a code, or nil
	asked    bool         // the gateway then asked for a code
}

// droppedConnection is the check that a sign-in is noticed although its connection is
// closed before the response. The portal may sign the customer in all the same, so the
// gateway must not use an earlier cached answer for the visit's next requests.
func (r *run) droppedConnection() outcome {
	all := make([]droppedSignIn, len(delays))
	var running sync.WaitGroup
	for i, delay := range delays {
		running.Go(func() { all[i] = r.signInAndDrop(delay) })
	}
	running.Wait()
	dropped, owing := 0, 0
	for _, d := range all {
		switch {
		case d.err != nil:
			return broken(d.err)
		case d.released != nil:
			return failed(fmt.Sprintf("the connection was closed before the response of the sign-in, and then %s was released without a code (%s)",
				d.released.URL.Path, aboutMark(r.first.marks.on(d.released))), r.remedyForDropped())
		}
		if d.dropped {
			dropped++
		}
		if d.asked {
			owing++
		}
	}
	switch {
	case dropped == 0:
		return skipped("the portal's response was always there before the connection could be closed")
	case owing == 0:
		return ok("handled by the gate: of %d such sign-ins none signed the visit in", dropped)
	}
	return ok("handled by the gate: of %d such sign-ins %d signed the visit in at the portal, and it was asked for the code", dropped, owing)
}

func (r *run) remedyForDropped() string {
	if r.site.Watch == "unsafe" && r.late > 0 {
		return "take `watch unsafe` out: the portal commits a sign-in after its response, and this page is not asked about again"
	}
	return "take this path out of `trust` and `public`; remove `rotates` and `settle 0`, unless they are true for the portal"
}

// signInAndDrop sends a sign-in in a new browser, and closes the connection after a delay.
func (r *run) signInAndDrop(delay time.Duration) (d droppedSignIn) {
	b := r.browser()
	e, err := b.Find(r.ctx, r.start())
	if err != nil {
		return droppedSignIn{err: err}
	}
	ctx, closeConnection := context.WithCancel(r.ctx)
	defer closeConnection()
	trace := httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { time.AfterFunc(delay, closeConnection) }}
	if d.dropped = b.Enter(httptrace.WithClientTrace(ctx, &trace), e, r.first.Account) != nil; d.dropped {
		d.released, d.asked = r.watchVisit(b)
	}
	return d
}

// watchVisit opens the customer's pages at once, and again after the portal has committed
// the sign-in. It returns the first page that was released to the customer, or nil, and
// whether the gateway asked for a code.
func (r *run) watchVisit(b *browse.Browser) (released *browse.Page, asked bool) {
	for _, wait := range []time.Duration{0, 250*time.Millisecond + r.late} {
		direct.Sleep(r.ctx, wait)
		for _, address := range append(r.memberPages(r.first), r.exempt()...) {
			p, err := r.look(b, address)
			if err != nil {
				continue
			}
			if r.leaks(p, r.first.marks) != "" {
				return p, asked
			}
			asked = asked || r.fromGate(p)
		}
	}
	return nil, asked
}
