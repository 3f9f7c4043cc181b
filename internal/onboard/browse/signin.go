package browse

import (
	"context"
	"fmt"
	"net/http"
)

// Account is a customer's at the portal.
type Account struct{ User, Password string }

// Entry is a way into the portal: where its sign-in form stands and, after SignIn,
// where it led.
type Entry struct {
	Login    *Page // with the form
	Form     *Form
	User     string // name of the field for the user name
	Password string // name of the field for the password

	Before []Cookie // held before the form was sent
	Page   *Page    // that the sign-in led to
	After  []Cookie // held after it
}

// SignIn finds the sign-in form, starting at page, and sends it. Its errors are those
// of Find, and ErrStillForm, ErrCaptcha, ErrSecondFactor, ErrRefused; the entry comes
// with them as far as it was reached.
func (b *Browser) SignIn(ctx context.Context, page string, a Account) (*Entry, error) {
	e, err := b.Find(ctx, page)
	if err != nil {
		return e, err
	}
	if err := b.Enter(ctx, e, a); err != nil {
		return e, err
	}
	return e, e.Look()
}

// Enter fills the form in and sends it; what came of it is in the entry.
func (b *Browser) Enter(ctx context.Context, e *Entry, a Account) error {
	e.Before = b.Cookies()
	page, err := b.Submit(ctx, e.Form, map[string]string{e.User: a.User, e.Password: a.Password})
	if err != nil {
		return err
	}
	e.Page, e.After = page, b.Cookies()
	return nil
}

// Look judges the page that the sign-in led to: nil if nothing speaks against its
// having worked. Whether it did, only a page that names the user can prove.
func (e *Entry) Look() error {
	p := e.Page
	if err := serverFault(p); err != nil {
		return err
	}
	if e.again() {
		if captcha(p.Doc().Selection) {
			return problem(ErrCaptcha, p.URL, "the form came again, now with a captcha",
				"too many sign-ins may have failed: wait, or let this machine's address and the test customers sign in without it")
		}
		return problem(ErrStillForm, p.URL, fmt.Sprintf("after the sign-in the form with %q and %q came again (status %d)", e.User, e.Password, p.Status),
			"check the test customer's user name and password in a browser, and that no lock stands on the account")
	}
	if field, asked := codeField(p); asked {
		return problem(ErrSecondFactor, p.URL, fmt.Sprintf("after the password it asks for a code, in the field %q", field),
			"switch the portal's own second factor off for the test customer (Secondgate takes its place)")
	}
	if p.Status >= http.StatusBadRequest {
		return problem(ErrRefused, p.URL, fmt.Sprintf("it answers %d %s to the form", p.Status, http.StatusText(p.Status)),
			"sign in with a browser and compare; a 429 or 403 may be a limit on sign-ins or a firewall, a 419 or 400 a form that needs scripts")
	}
	return nil
}

// again says whether the page shows the same form.
func (e *Entry) again() bool {
	for _, f := range e.Page.Forms() {
		if user, password, ok := f.signIn(); ok && user == e.User && password == e.Password {
			return true
		}
	}
	return false
}
