package check

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/onboard/direct"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// stranger looks whether somebody who is not signed in is proven to be nobody. The
// question is forced: without any cookie the gate need not ask.
func (r *run) stranger() bool {
	b := r.browser()
	for _, address := range []string{r.start(), r.at("/")} {
		if p, err := r.look(b, address); err == nil {
			r.strange = append(r.strange, p)
		}
	}
	p, err := r.force(b, r.start())
	if err != nil {
		r.report.fail(rowStranger, err.Error(), "look into the log; the same page came without the gate")
		return false
	}
	v, asked := r.verdict()
	if v.Kind == whoami.Anonymous && p.Status != http.StatusServiceUnavailable {
		r.report.ok(rowStranger, "%s → %s", asked.URI, seen(asked))
		return true
	}
	if v.Kind == whoami.User {
		r.report.fail(rowStranger, fmt.Sprintf("%s names %q for somebody who never signed in", uriOf(asked), v.User),
			fmt.Sprintf("name the placeholder: `user … not %q` in whoami, or take another element for user", v.User))
		return false
	}
	r.report.fail(rowStranger, fmt.Sprintf("%s → %s; %s", uriOf(asked), seen(asked), v.Why), signOf(asked))
	return false
}

func uriOf(a *Asked) string {
	if a == nil {
		return "whoami"
	}
	return a.URI
}

// seen says in a few words what an answer was.
func seen(a *Asked) string {
	if a == nil {
		return "no answer"
	}
	res := a.Response
	s := fmt.Sprintf("%d", res.Status)
	if to := res.Header.Get("Location"); to != "" {
		path, _, _ := strings.Cut(to, "?")
		s += " to " + path
	}
	if kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";"); kind != "" {
		s += ", " + kind
	}
	return s
}

// signOf proposes a sign of nobody for the answer that a stranger got.
func signOf(a *Asked) string {
	const in = "in whoami, say what this answer has that nobody signed in ever gets: "
	switch {
	case a == nil:
		return "see the log: whoami could not be asked"
	case a.Response.Status >= 500:
		return "whoami's page fails for strangers: take another page for whoami"
	case a.Response.Status >= 300 && a.Response.Status < 400:
		to, _, _ := strings.Cut(a.Response.Header.Get("Location"), "?")
		if i := strings.LastIndexByte(to, '/'); i >= 0 {
			to = to[i:]
		}
		return in + "`anonymous redirect *" + to + "*`"
	case a.Response.Status >= 400:
		return in + fmt.Sprintf("`anonymous status %d`", a.Response.Status)
	}
	return in + "`anonymous html SELECTOR`, with an element that only strangers are shown, such as the sign-in form"
}

// signIn signs the first customer in through the gate, not yet enrolled.
func (r *run) signIn() bool {
	r.stage.Asked()
	c := r.first
	b, page, ok := r.throughGate(c)
	if !ok {
		return false
	}
	c.gate = b
	if !r.own(page, "setup") {
		if _, err := b.Get(r.ctx, c.home); err != nil {
			r.report.fail(rowSignIn, err.Error(), "the same page opens without the gate; see the log")
			return false
		}
	}
	users, err := r.stage.Users(r.ctx)
	if err != nil || len(users) == 0 {
		r.unseen()
		return false
	}
	r.report.ok(rowSignIn, "%s %s: whoami names somebody", c.entry.Form.Method, c.entry.Form.Action.Path)
	return r.answer(users)
}

// throughGate signs a customer in by a new browser. That the form comes again, though
// the portal took it without the gate, is the gate's doing.
func (r *run) throughGate(c *customer) (*browse.Browser, *browse.Page, bool) {
	b := r.browser()
	page, err := r.enter(b, c.Account)
	if err == nil {
		return b, page, true
	}
	if r.refused() != "" {
		r.unseen()
		return nil, nil, false
	}
	do := "if the portal makes a new session whenever a page is shown, say `watch unsafe`; if its sign-in page needs a cookie that scripts set, name it under `leave`"
	if len(r.site.Trust) > 0 {
		do = "take pages for people out of `trust`, where the gate does not open its cookies; else " + do
	}
	r.report.fail(rowSignIn, "without the gate the sign-in works, through it not: "+inShort(err), do)
	return nil, nil, false
}

// inShort leaves out what does not apply where the same sign-in worked a moment ago.
func inShort(err error) string {
	if errors.Is(err, browse.ErrStillForm) {
		return "the form comes again"
	}
	return err.Error()
}

// enter signs in as somebody and gives the page that it led to: the portal's or the
// gate's own.
func (r *run) enter(b *browse.Browser, a browse.Account) (*browse.Page, error) {
	e, err := b.Find(r.ctx, r.start())
	if err != nil {
		return nil, err
	}
	r.fillIn()
	if err := b.Enter(r.ctx, e, a); err != nil {
		return nil, err
	}
	if strings.HasPrefix(e.Page.URL.Path, r.site.Path+"/") {
		return e.Page, nil
	}
	if err := e.Look(); err != nil || r.late == 0 {
		return e.Page, err
	}
	direct.Sleep(r.ctx, r.late)
	return b.Get(r.ctx, e.Page.URL.String())
}

// slowest bounds how long a form is filled in.
const slowest = 3 * time.Second

// fillIn takes the time that people take for a form, where the portal commits sign-ins
// late: one that is sent within `settle` of the session's begin and not yet committed when
// it is checked is sent back to the front page.
func (r *run) fillIn() {
	if r.late > 0 {
		direct.Sleep(r.ctx, min(time.Duration(*r.site.Settle), slowest))
	}
}

// refused gives the reason of the last request that the gate could not judge.
func (r *run) refused() string {
	log, err := r.stage.Log()
	if err != nil {
		return ""
	}
	for _, e := range slices.Backward(log) {
		if e.Message == "whoami gave no answer" {
			return e.Reason
		}
	}
	return ""
}

// unseen tells why a sign-in was not seen: whoami, asked with the credentials of
// somebody who is signed in, did not name anybody.
func (r *run) unseen() {
	v, asked := r.verdict()
	if asked == nil {
		r.report.fail(rowSignIn, "the portal signed the customer in, but nothing on the requests then looked like credentials to the gate",
			"if the portal recognises its customers by a header, declare it: `credential header NAME`; this rehearsal knows sign-ins by form and cookie")
		return
	}
	saw := fmt.Sprintf("signed in, and whoami does not say so: %s → %s", asked.URI, seen(asked))
	switch {
	case v.Kind == whoami.Anonymous:
		r.report.fail(rowSignIn, saw+"; a sign of nobody holds for it", "the sign under `anonymous` also holds for customers who are signed in, and `user` finds nothing there: "+r.better(asked))
	case strings.Contains(v.Why, "a sign of nobody, and yet"):
		r.report.fail(rowSignIn, saw+"; "+v.Why, "the sign under `anonymous` also holds for customers who are signed in: choose one that only strangers get, best `redirect` or `status`")
	default:
		r.report.fail(rowSignIn, saw+"; "+v.Why, "`user` does not find exactly one id there: "+r.better(asked))
	}
}

// better proposes where on whoami's page the customer is named.
func (r *run) better(a *Asked) string {
	found := whereNamed(a.Response, r.first.User)
	if found == "" {
		return "open " + a.URI + " in a browser that is signed in, and name what holds the id; or ask another page"
	}
	return "on this page the user name stands in `user " + found + "`"
}

// answer looks at whom whoami named.
func (r *run) answer(users []string) bool {
	c := r.first
	if _, err := r.force(c.gate, c.home); err != nil {
		r.report.fail(rowAnswer, err.Error(), "see the log")
		return false
	}
	v, asked := r.verdict()
	again, err := r.stage.Users(r.ctx)
	if err == nil && len(again) == 1 && v.Kind == whoami.User {
		c.id, c.name, c.email = v.User, v.Name, v.Email
		return r.canonical(asked)
	}
	r.report.fail(rowAnswer, fmt.Sprintf("one customer became %s: the id changes from one question to the next", strings.Join(quoted(append(users, again...)), ", ")),
		"point `user` at what stays the same: "+r.better(asked))
	return false
}

// displayNames are words of settings and pages for what customers may call themselves.
var displayNames = regexp.MustCompile(`(?i)display|full_?name|nick|first_?name|last_?name|real_?name|greet|hello|welcome`)

// opaque ids are numbers and the like: nobody chooses them.
var opaque = regexp.MustCompile(`^[0-9a-fA-F-]*[0-9][0-9a-fA-F-]*$`)

// canonical looks whether the id is one that customers can't give themselves.
func (r *run) canonical(asked *Asked) bool {
	c := r.first
	for _, w := range r.site.Whoami {
		if u := w.User; displayNames.MatchString(u.HTML + " " + u.JSON + " " + u.Regex + " " + u.Header) {
			r.report.fail(rowAnswer, fmt.Sprintf("whoami names %q, from what looks like a display name (%s)", c.id, u.HTML+u.JSON+u.Regex+u.Header),
				"customers can change such a name to somebody else's: point `user` at the customer number or the name they sign in with; "+r.better(asked))
			return true
		}
	}
	if c.givenByPortal() {
		r.report.ok(rowAnswer, "%s names %q", asked.URI, c.id)
		return true
	}
	taken, same := r.spelling(c.id)
	if taken && same {
		r.report.ok(rowAnswer, "%s names %q, by which the portal also signs in", asked.URI, c.id)
		return true
	}
	r.report.fail(rowAnswer, fmt.Sprintf("whoami names %q, which is neither the user name nor a number, and the portal signs nobody in by it", c.id),
		"it may be a display name, which customers can change to somebody else's: point `user` at the customer number or the name they sign in with; "+r.better(asked))
	return true
}

// givenByPortal says whether the id is made of the name that the customer signs in
// with, and of numbers.
func (c *customer) givenByPortal() bool {
	user := strings.TrimSpace(c.User)
	if strings.EqualFold(c.id, user) {
		return true
	}
	words := strings.FieldsFunc(c.id, func(x rune) bool { return !unicode.IsLetter(x) && !unicode.IsDigit(x) && x != '-' })
	numbers := 0
	for _, w := range words {
		if opaque.MatchString(w) {
			numbers++
		} else if !strings.EqualFold(w, user) {
			return false
		}
	}
	return numbers > 0
}

// spelling tries to sign in by another spelling of the first customer's name: whether
// the portal takes it, and whether whoami knows nobody new then.
func (r *run) spelling(user string) (taken, same bool) {
	b := r.browser()
	before, err := r.stage.Users(r.ctx)
	if err != nil {
		return false, false
	}
	page, err := r.enter(b, browse.Account{User: user, Password: r.first.Password})
	if err != nil {
		return false, false
	}
	defer func() { _, _ = r.goOut(b, r.first.home) }()
	if !strings.HasPrefix(page.URL.Path, r.site.Path+"/") {
		if page, err = b.Get(r.ctx, r.first.home); err != nil {
			return false, false
		}
	}
	after, err := r.stage.Users(r.ctx)
	_, shown := r.first.tell.in(page)
	own := strings.HasPrefix(page.URL.Path, r.site.Path+"/")
	return own || shown || len(after) > len(before), err == nil && len(after) == len(before)
}

func quoted(all []string) (out []string) {
	for _, s := range all {
		if q := fmt.Sprintf("%q", s); !slices.Contains(out, q) {
			out = append(out, q)
		}
	}
	return out
}
