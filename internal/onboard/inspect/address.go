package inspect

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal"
)

// ErrInput says that the inspection was asked for in a way that can't work.
var ErrInput = errors.New("this can't be inspected")

// ErrNoUser says that no page was found that names the user canonically.
var ErrNoUser = errors.New("no page names the user in a way that can be relied on")

// address reads the portal's address.
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
	}
	if len(in.Customers) == 0 || in.Customers[0].User == "" || in.Customers[0].Password == "" {
		return fmt.Errorf("%w: no test customer was given; give a user name and a password of one", ErrInput)
	}
	if len(in.Customers) > 1 && strings.EqualFold(strings.TrimSpace(in.Customers[0].User), strings.TrimSpace(in.Customers[1].User)) {
		return fmt.Errorf("%w: both test customers are %q; give two different ones, or one only", ErrInput, in.Customers[0].User)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	u.Fragment = ""
	in.URL, in.base = u.String(), origin(u)
	return nil
}

func origin(u *url.URL) *url.URL { return &url.URL{Scheme: u.Scheme, Host: u.Host} }

// signInPages are where portals have their form when no link leads to it.
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
	in.settle(e.Login.URL)
	in.committed(ctx)
	return nil
}

// settle keeps to the host and scheme where the form was found: http:// may have led
// to https://, and example.com to www.example.com.
func (in *inspection) settle(at *url.URL) {
	given, err := url.Parse(in.URL)
	if err != nil || given.Scheme == at.Scheme && given.Host == at.Host {
		return
	}
	given.Scheme, given.Host = at.Scheme, at.Host
	in.URL, in.base = given.String(), origin(at)
	in.note("", "The address given leads to %s.", in.base)
}

// findForm sets form: at the address, behind a link there, or at a usual place.
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
		if at, bad := in.below(p); bad == nil {
			if found, other := in.browser().Find(ctx, at); other == nil {
				e, err = found, nil
			}
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

// below is the address of a path below the directory of the given address.
func (in *inspection) below(p string) (string, error) {
	u, err := url.Parse(in.URL)
	if err != nil {
		return "", err
	}
	to, err := u.Parse(p)
	if err != nil {
		return "", err
	}
	return to.String(), nil
}
