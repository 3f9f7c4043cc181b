package inspect

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/onboard/direct"
	"github.com/secondgate/secondgate/internal/portal"
)

// ErrInput says that the options are not valid.
var ErrInput = errors.New("this can't be inspected")

// ErrNoUser says that no page was found that names the user by one unchangeable id.
var ErrNoUser = errors.New("no page names the user in a way that can be relied on")

// address validates the options and reads the portal's address.
func (in *inspection) address(context.Context) error {
	u, err := url.Parse(strings.TrimSpace(in.URL))
	switch {
	case err != nil || u.Scheme == "" || u.Host == "" && u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%w: %q has no scheme; write the whole address, for example https://portal.example.com/ or http://127.0.0.1:8080/", ErrInput, in.URL)
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%w: %q is no web address; write one that begins with http:// or https://", ErrInput, in.URL)
	case u.Host == "":
		return fmt.Errorf("%w: %q names no host; write for example https://portal.example.com/", ErrInput, in.URL)
	case u.User != nil:
		return fmt.Errorf("%w: the address holds a user name or password; leave them out, they are asked for", ErrInput)
	case len(in.Customers) == 0 || in.Customers[0].User == "" || in.Customers[0].Password == "":
		return fmt.Errorf("%w: no test customer was given; give a user name and a password of one", ErrInput)
	case len(in.Customers) > 1 && strings.EqualFold(strings.TrimSpace(in.Customers[0].User), strings.TrimSpace(in.Customers[1].User)):
		return fmt.Errorf("%w: both test customers are %q; give two different ones, or one only", ErrInput, in.Customers[0].User)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	u.Fragment = ""
	in.setAddress(u)
	return nil
}

func (in *inspection) setAddress(u *url.URL) {
	in.given, in.URL, in.base = u, u.String(), &url.URL{Scheme: u.Scheme, Host: u.Host}
	in.portal.URL = in.base.String()
}

// signInPages are usual paths of sign-in forms. findForm tries them if the given page
// neither has the form nor links to it.
var signInPages = []string{
	"login", "wp-login.php", "signin", "sign-in", "user/login", "users/sign_in", "auth/login",
	"accounts/login/", "clientarea.php", "index.php?rp=/login", "my-account/", "account", "admin",
}

// enter finds the sign-in form and signs the first customer in.
func (in *inspection) enter(ctx context.Context) error {
	in.say("looking for the sign-in form at %s", in.URL)
	if err := in.findForm(ctx); err != nil {
		return err
	}
	in.say("signing in as %s", in.Customers[0].User)
	b, e, err := in.signIn(ctx, in.Customers[0])
	if err != nil {
		return err
	}
	in.first, in.entry = b, e
	// http:// may have led to https://, and example.com to www.example.com.
	if u := in.given; u.Scheme != e.Login.URL.Scheme || u.Host != e.Login.URL.Host {
		u.Scheme, u.Host = e.Login.URL.Scheme, e.Login.URL.Host
		in.setAddress(u)
		in.note("", "The address given leads to %s.", in.base)
	}
	in.committed(ctx)
	return nil
}

// findForm finds the sign-in form: at the address, behind a link there, or at a usual
// place.
func (in *inspection) findForm(ctx context.Context) error {
	b := in.browser()
	e, err := b.Find(ctx, in.URL)
	if slices.ContainsFunc(b.Cookies(), func(c browse.Cookie) bool { return portal.IsVisit(c.Name) }) {
		return fmt.Errorf("%w: %s is behind Secondgate already; give the address at which the portal itself listens", ErrInput, in.base)
	}
	for _, p := range signInPages {
		if !errors.Is(err, browse.ErrNoForm) {
			break
		}
		if found, other := in.browser().Find(ctx, in.below(p)); other == nil {
			e, err = found, nil
		}
	}
	if errors.Is(err, browse.ErrNoForm) {
		return fmt.Errorf("%w. A portal whose scripts sign in is described by hand: sign_in with a token, and credential header", err)
	}
	if err != nil {
		return err
	}
	in.form = e.Login.URL.String()
	return nil
}

// below returns the address of a relative path, resolved against the address given.
func (in *inspection) below(p string) string {
	u, err := in.given.Parse(p)
	if err != nil {
		return in.URL
	}
	return u.String()
}

// defaultSettle is the `settle` of a site that does not set it.
const defaultSettle = 2 * time.Second

// committed measures how long after a sign-in's response the portal commits it, that is,
// from when on its pages show the customer. It sets in.late, and `settle` if the default is
// too short. If no page names the customer, it assumes that the portal commits at once.
func (in *inspection) committed(ctx context.Context) {
	after, ok := direct.When(ctx, func() bool {
		return slices.ContainsFunc([]string{in.entry.Page.URL.String(), in.URL}, func(at string) bool {
			p, err := in.first.Get(ctx, at)
			return err == nil && in.names(p.Body) && !in.hasForm(p)
		})
	})
	in.name = nil // the customer's email address is not known yet
	if !ok || after == 0 {
		return
	}
	in.late = after
	if after < defaultSettle {
		in.note("", "The portal commits a sign-in up to %s after its response. The gateway waits %s for that (`settle`).", after, defaultSettle)
		return
	}
	settle := config.Duration(after + time.Second)
	in.site.Settle = &settle
	in.note("settle", "The portal commits a sign-in up to %s after its response.", after)
}

// comeBack signs in several times and observes each session: once with a wrong password,
// then as before, with other spellings of the name, and as the second customer. A sign-in
// that fails is followed by one that works, because portals lock accounts after several
// failures in a row.
func (in *inspection) comeBack(ctx context.Context) (err error) {
	a := in.Customers[0]
	if err := in.wrongPassword(ctx, a); err != nil {
		return err
	}
	in.say("signing in again, and under other spellings")
	if in.again, err = in.session(ctx); err != nil {
		return fmt.Errorf("the first sign-in worked and this second one did not: %w", err)
	}
	in.ev.users = append(in.ev.users, in.observe(ctx, in.again))
	for _, as := range in.spellings(a.User) {
		if err := in.spell(ctx, as, a); err != nil {
			return err
		}
	}
	if len(in.Customers) < 2 {
		in.missing("With one test customer only it is not proven that the user's id differs between customers, nor what happens when another signs in inside a session. Run inspect again with two.")
		return nil
	}
	in.say("signing in as %s", in.Customers[1].User)
	if in.other, _, err = in.signIn(ctx, in.Customers[1]); err != nil {
		return fmt.Errorf("signing in as the second test customer: %w", err)
	}
	seen := in.observe(ctx, in.other)
	in.ev.other = &seen
	return nil
}

// wrongPassword tries one wrong password, and notes how the portal answers it.
func (in *inspection) wrongPassword(ctx context.Context, a browse.Account) error {
	in.say("trying one wrong password")
	_, e, err := in.signIn(ctx, browse.Account{User: a.User, Password: "wrong-" + rand.Text()})
	switch {
	case errors.Is(err, browse.ErrStillForm):
		in.note("sign_in.0", "A wrong password is answered with status %d and the form again.", e.Page.Status)
	case errors.Is(err, browse.ErrRefused):
		in.note("sign_in.0", "A wrong password is answered with status %d.", e.Page.Status)
	case err == nil:
		in.note("sign_in.0", "A wrong password is answered with status %d and a page without the form.", e.Page.Status)
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		in.missing("What a wrong password looks like: %v.", err)
	}
	return nil
}

// spellings returns other forms of a user name that portals may accept for the same
// account. The user id must be the same for all of them.
func (in *inspection) spellings(name string) []string {
	list := []string{strings.ToUpper(name), " " + name + " "}
	if list[0] == name {
		list[0] = strings.ToLower(name)
	}
	if mail := in.mail(); mail != "" && !strings.EqualFold(mail, name) {
		list = append(list, mail)
	}
	return list
}

// mail is the customer's email address, if a page shows exactly one in a field for it.
func (in *inspection) mail() string {
	for _, c := range in.all {
		if hasAny(c.key, []string{"email", "mail"}) && strings.Count(c.value, "@") == 1 && !strings.ContainsAny(c.value, " \t<>") {
			return c.value
		}
	}
	return ""
}

// spell signs in with another spelling of a's name, and observes the session. If the portal
// refuses it, spell signs in with the right one, so that failures don't add up to a lock.
func (in *inspection) spell(ctx context.Context, as string, a browse.Account) error {
	b, _, err := in.signIn(ctx, browse.Account{User: as, Password: a.Password})
	if err == nil {
		in.spelled = append(in.spelled, fmt.Sprintf("%q", as))
		in.ev.users = append(in.ev.users, in.observe(ctx, b))
		return nil
	}
	in.note("sign_in.0", "The portal does not take %q for %q.", as, a.User)
	if _, _, err := in.signIn(ctx, a); err != nil {
		return fmt.Errorf("after the portal refused another spelling of the name: %w", err)
	}
	return nil
}
