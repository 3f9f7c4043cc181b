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

// stranger is the check that whoami answers anonymous for a visitor who has not signed in.
// The question is forced, because without a cookie the gateway need not ask.
func (r *run) stranger() outcome {
	b := r.browser()
	for _, address := range []string{r.start(), r.at("/")} {
		_, _ = r.look(b, address) // may open an anonymous session
	}
	p, err := r.force(b, r.start())
	if err != nil {
		return ending(failed(err.Error(), "look into the log; the same page came without the gate"))
	}
	v, asked := r.verdict()
	if v.Kind == whoami.Anonymous && p.Status != http.StatusServiceUnavailable {
		return ok("%s", answerOf(asked))
	}
	if v.Kind == whoami.User {
		return ending(failed(fmt.Sprintf("%s names %q for a visitor who never signed in", asked.URI, v.User),
			fmt.Sprintf("name the placeholder: `user … not %q` in whoami, or take another element for user", v.User)))
	}
	return ending(failed(answerOf(asked)+"; "+v.Why, signOf(asked)))
}

// answerOf describes an answer in a few words.
func answerOf(a *Asked) string {
	if a == nil {
		return "whoami → no answer"
	}
	s := fmt.Sprintf("%s → %d", a.URI, a.Response.Status)
	if to := a.Response.Header.Get("Location"); to != "" {
		path, _, _ := strings.Cut(to, "?")
		s += " to " + path
	}
	if kind, _, _ := strings.Cut(a.Response.Header.Get("Content-Type"), ";"); kind != "" {
		s += ", " + kind
	}
	return s
}

// signOf returns the advice which sign to set under `anonymous`, from the answer that an
// anonymous visitor got.
func signOf(a *Asked) string {
	const in = "in whoami, name a sign of this response that signed-in customers never get: "
	switch {
	case a == nil:
		return "whoami could not be asked; see the log"
	case a.Response.Status >= 500:
		return "whoami's page fails for strangers: take another page for whoami"
	case a.Response.Status >= 300 && a.Response.Status < 400:
		to, _, _ := strings.Cut(a.Response.Header.Get("Location"), "?")
		return in + "`anonymous redirect *" + to[max(0, strings.LastIndexByte(to, '/')):] + "*`"
	case a.Response.Status >= 400:
		return in + fmt.Sprintf("`anonymous status %d`", a.Response.Status)
	}
	return in + "`anonymous html SELECTOR`, with an element that only strangers are shown, such as the sign-in form"
}

// signIn is the check that whoami names a user after the first customer signed in through
// the gateway. The customer is not yet enrolled.
func (r *run) signIn() outcome {
	r.stage.Asked()
	c := r.first
	page, err := r.throughGate(c)
	if err != nil {
		return ending(r.signInFailed(err))
	}
	if err := r.openHome(c, page); err != nil {
		return ending(failed(err.Error(), "the same page opens without the gate; see the log"))
	}
	if r.users, err = r.stage.Users(r.ctx); err != nil || len(r.users) == 0 {
		return ending(r.unseen())
	}
	return ok("%s %s: whoami names a user", c.entry.Form.Method, c.entry.Form.Action.Path)
}

// throughGate signs a customer in through the gateway with a new browser, and keeps it in
// c.gate. It returns the page that the sign-in led to.
func (r *run) throughGate(c *customer) (*browse.Page, error) {
	b := r.browser()
	page, err := r.enter(b, c.Account)
	if err == nil {
		c.gate = b
	}
	return page, err
}

// openHome opens the customer's page after a sign-in, unless the gateway asks for a set-up.
func (r *run) openHome(c *customer, page *browse.Page) (err error) {
	if !r.isOwn(page, "setup") {
		_, err = c.gate.Get(r.ctx, c.home)
	}
	return err
}

// signInFailed explains why the first customer's sign-in failed through the gateway. The
// same sign-in worked without the gateway, so the portal refused it for another reason than
// a wrong password.
func (r *run) signInFailed(err error) outcome {
	if r.refused() {
		return r.unseen()
	}
	saw := err.Error()
	if errors.Is(err, browse.ErrStillForm) {
		saw = "the form comes again"
	}
	do := "if the portal makes a new session whenever a page is shown, say `watch unsafe`; if its sign-in page needs a cookie that scripts set, name it under `leave`"
	if len(r.site.Trust) > 0 {
		do = "take pages for people out of `trust`, where the gate does not open its cookies; else " + do
	}
	o := failed("without the gate the sign-in works, through it not: "+saw, do)
	o.Name = rowSignIn
	return o
}

// enter signs in with a browser and returns the page that the sign-in led to, a page of the
// portal or of the gateway. It waits until the portal has committed the sign-in.
func (r *run) enter(b *browse.Browser, a browse.Account) (*browse.Page, error) {
	e, err := b.Find(r.ctx, r.start())
	if err != nil {
		return nil, err
	}
	r.fillIn()
	if err := b.Enter(r.ctx, e, a); err != nil {
		return nil, err
	}
	if r.below(e.Page.URL.Path) {
		return e.Page, nil
	}
	if err := e.Look(); err != nil || r.late == 0 {
		return e.Page, err
	}
	direct.Sleep(r.ctx, r.late)
	return b.Get(r.ctx, e.Page.URL.String())
}

// slowest is the longest wait of fillIn.
const slowest = 3 * time.Second

// fillIn waits between fetching the form and sending it, as a person does, if the portal
// commits sign-ins late. Without the wait the gateway redirects to the front page: it does
// so after a sign-in that is sent within `settle` of the session's begin and is not
// committed when whoami is asked.
func (r *run) fillIn() {
	if r.late > 0 {
		direct.Sleep(r.ctx, min(time.Duration(*r.site.Settle), slowest))
	}
}

// refused reports whether the gateway refused a request because whoami gave no answer.
func (r *run) refused() bool {
	log, err := r.stage.Log()
	return err == nil && slices.ContainsFunc(log, func(e Entry) bool { return e.Message == "whoami gave no answer" && e.Reason != "" })
}

// unseen explains why the gateway did not see a sign-in: whoami, asked with the customer's
// credentials, named no user.
func (r *run) unseen() (o outcome) {
	v, asked := r.verdict()
	saw := fmt.Sprintf("the customer signed in, but whoami does not show it: %s; ", answerOf(asked))
	switch {
	case asked == nil:
		o = failed("the portal signed the customer in, but the requests after that had nothing that the gate treats as credentials",
			"if the portal recognises its customers by a header, declare it: `credential header NAME`; this rehearsal knows sign-ins by form and cookie")
	case v.Kind == whoami.Anonymous:
		o = failed(saw+"an anonymous sign matches it", "the sign under `anonymous` also matches for customers who are signed in, and `user` finds nothing there: "+r.better(asked))
	case strings.Contains(v.Why, "an anonymous sign matches, although"):
		o = failed(saw+v.Why, "the sign under `anonymous` also matches for customers who are signed in: choose one that only strangers get, preferably `redirect` or `status`")
	default:
		o = failed(saw+v.Why, "`user` does not find exactly one id there: "+r.better(asked))
	}
	o.Name = rowSignIn
	return o
}

// better returns the advice where whoami's page names the customer, if it does.
func (r *run) better(a *Asked) string {
	if found := whereNamed(a.Response, r.first.User); found != "" {
		return "on this page the user name stands in `user " + found + "`"
	}
	return "open " + a.URI + " in a browser that is signed in, and name what holds the id; or ask another page"
}

// answer is the check that whoami names one user, each time the same, by an id that
// customers can't change.
func (r *run) answer() outcome {
	c := r.first
	if _, err := r.force(c.gate, c.home); err != nil {
		return ending(broken(err))
	}
	v, asked := r.verdict()
	again, err := r.stage.Users(r.ctx)
	if err == nil && len(again) == 1 && v.Kind == whoami.User {
		c.id, c.email = v.User, v.Email
		return r.canonical(asked)
	}
	return ending(failed(fmt.Sprintf("one customer became %s: the id changes from one question to the next", quoted(append(r.users, again...))),
		"point `user` at what stays the same: "+r.better(asked)))
}

// displayNames are words of settings and pages for names that customers can change.
var displayNames = regexp.MustCompile(`(?i)display|full_?name|nick|first_?name|last_?name|real_?name|greet|hello|welcome`)

// opaque matches ids of digits, hexadecimal letters and dashes with at least one digit, such
// as numbers and UUIDs, which customers can't choose.
var opaque = regexp.MustCompile(`^[0-9a-fA-F-]*[0-9][0-9a-fA-F-]*$`)

// canonical checks that the id that whoami names is none that customers can change, such as
// a display name. Otherwise a customer could take over the name of another.
func (r *run) canonical(asked *Asked) outcome {
	c := r.first
	for _, w := range r.site.Whoami {
		if u := w.User; displayNames.MatchString(u.HTML + " " + u.JSON + " " + u.Regex + " " + u.Header) {
			return failed(fmt.Sprintf("whoami names %q, from what looks like a display name (%s)", c.id, u.HTML+u.JSON+u.Regex+u.Header),
				"customers can change such a name to that of another customer: point `user` at the customer number or the name they sign in with; "+r.better(asked))
		}
	}
	if c.givenByPortal() {
		return ok("%s names %q", asked.URI, c.id)
	}
	if taken, same := r.spelling(c.id); taken && same {
		return ok("%s names %q, by which the portal also signs in", asked.URI, c.id)
	}
	return failed(fmt.Sprintf("whoami names %q, which is neither the user name nor a number, and can't be used to sign in", c.id),
		"it may be a display name, which customers can change to that of another customer: point `user` at the customer number or the name they sign in with; "+r.better(asked))
}

// givenByPortal reports whether the id consists of the name that the customer signs in
// with, of numbers, or of both.
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
