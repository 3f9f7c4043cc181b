package browse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"
)

// Account is a customer's user name and password at the portal.
type Account struct{ User, Password string }

// Entry is a portal's sign-in form and, after SignIn or Enter, the page that the sign-in
// led to.
type Entry struct {
	Login    *Page // the page with the form
	Form     *Form
	User     string // name of the field for the user name
	Password string // name of the field for the password
	Page     *Page  // the page that the sign-in led to
}

// SignIn finds the sign-in form, starting at page, and sends it. Its errors are those of
// Find, and ErrStillForm, ErrCaptcha, ErrSecondFactor, ErrRefused. On an error it also
// returns the entry if the form was found; Page is set if the form was sent.
func (b *Browser) SignIn(ctx context.Context, page string, a Account) (*Entry, error) {
	e, err := b.Find(ctx, page)
	if err == nil {
		err = b.Enter(ctx, e, a)
	}
	if err == nil {
		err = e.Look()
	}
	return e, err
}

// Enter fills the form in, sends it, and sets the entry's page to the result.
func (b *Browser) Enter(ctx context.Context, e *Entry, a Account) error {
	page, err := b.Submit(ctx, e.Form, map[string]string{e.User: a.User, e.Password: a.Password})
	if err == nil {
		e.Page = page
	}
	return err
}

// Look returns an error if the page that the sign-in led to shows that it failed. A nil
// error does not prove that the customer is signed in; only a page that names the user does.
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

// again reports whether the page that the sign-in led to has the same form.
func (e *Entry) again() bool { return e.Page.Form(e.same) != nil }

// same reports whether a form has the entry's field names for user name and password.
func (e *Entry) same(f *Form) bool {
	user, password, ok := f.signIn()
	return ok && user == e.User && password == e.Password
}

// links is the number of links to a sign-in that Find tries.
const links = 4

var (
	soundsLikeSignIn = regexp.MustCompile(`(?i)log[ _-]?[io]n|sign[ _-]?in|anmeld|einlogg|kirjaud|logga[ -]?in|connexion|se connecter|accedi|iniciar|aanmelden|inloggen|do=login|client ?area|my ?account|/auth\b`)
	soundsLikeOther  = regexp.MustCompile(`(?i)log[ _-]?out|sign[ _-]?(out|up|off)|abmeld|regist|lost|forg|reset|oauth|saml|openid|google|facebook|github`)
	nameField        = regexp.MustCompile(`(?i)user|login|log$|^log|mail|name|account|kunde|customer|^u$|^id$|tunnus`)
	codeName         = regexp.MustCompile(`(?i:otp|2fa|(^|[^a-z])[mt]fa|two.?factor|second.?factor|one.?time|auth.?code|authenticator|verification.?code|security.?code|passcode)|[MT]fa|[MT]FA`)
	captchaSelectors = `.g-recaptcha,.h-captcha,.cf-turnstile,.frc-captcha,altcha-widget,iframe[src*="captcha"],iframe[src*="challenges.cloudflare.com"],` +
		`input[name*="captcha" i],img[src*="captcha" i],[data-sitekey]`
)

// Find looks for the sign-in form on the page, and then on pages to which it links with the
// words of a sign-in. Errors: ErrNoForm, ErrCaptcha, ErrNotHTML, ErrUnreachable, ErrTLS,
// ErrTooLarge, ErrRedirects. With ErrCaptcha the entry may be returned too.
func (b *Browser) Find(ctx context.Context, page string) (*Entry, error) {
	first, err := b.Get(ctx, page)
	if err != nil {
		return nil, err
	}
	if e, err := entry(first); err == nil || !errors.Is(err, ErrNoForm) {
		return e, err
	}
	for _, href := range signInLinks(first) {
		p, err := b.Follow(ctx, first, href)
		if err != nil {
			return nil, err
		}
		if e, err := entry(p); err == nil || errors.Is(err, ErrCaptcha) {
			return e, err
		}
	}
	return nil, noForm(first)
}

// entry returns the sign-in form of a page.
func entry(p *Page) (*Entry, error) {
	if err := serverFault(p); err != nil {
		return nil, err
	}
	if !p.HTML() {
		kind := p.Header.Get("Content-Type")
		return nil, problem(ErrNotHTML, p.URL, fmt.Sprintf("it has the type %q", kind), "give the address of the page with the sign-in form")
	}
	e := best(p)
	if e == nil {
		return nil, noForm(p)
	}
	if captcha(around(p, e)) {
		return e, problem(ErrCaptcha, p.URL, "only a person can fill that in", "let the test customers, or this machine's address, sign in without it")
	}
	return e, nil
}

func noForm(p *Page) error {
	if captcha(p.Doc().Selection) {
		return problem(ErrCaptcha, p.URL, "it shows a captcha and no sign-in form", "let this machine's address pass without it")
	}
	return problem(ErrNoForm, p.URL, fmt.Sprintf("it answers %d and has no form with one password field, nor a link to one", p.Status),
		"give the address of the sign-in page itself; a form that scripts build, or that asks for the name first and the password on a second page, can't be filled in from here")
}

// best returns the entry of the page's sign-in form with the highest score, or nil.
func best(p *Page) *Entry {
	var found *Entry
	top := -1
	for _, f := range p.Forms() {
		user, password, ok := f.signIn()
		if !ok {
			continue
		}
		if s := f.score(); s > top {
			found, top = &Entry{Login: p, Form: f, User: user, Password: password}, s
		}
	}
	return found
}

// score is higher for a sign-in than for a registration or a change of password.
func (f *Form) score() int {
	s, words := 0, f.ID+" "+f.Action.Path
	if f.Method == "POST" {
		s += 2
	}
	if soundsLikeSignIn.MatchString(words + "?" + f.Action.RawQuery) {
		s += 2
	}
	if !soundsLikeOther.MatchString(words) {
		s++
	}
	return s
}

// signIn returns the names of the form's fields for the user name and the password. ok is
// false if the form has no text field, or not exactly one password field.
func (f *Form) signIn() (user, password string, ok bool) {
	var names []Field
	count := 0
	for _, x := range f.Fields {
		switch x.Type {
		case "password":
			if x.Name == "" || x.Autocomplete == "new-password" || x.Autocomplete == "one-time-code" {
				continue
			}
			count++
			password = x.Name
		case "text", "email", "tel", "":
			if x.Name != "" {
				names = append(names, x)
			}
		}
	}
	if count != 1 || len(names) == 0 {
		return "", "", false
	}
	return nameOf(names), password, true
}

// nameOf returns the name of the field for the user name: the first with a name or an
// autocomplete value that says so, or else the first of all.
func nameOf(fields []Field) string {
	say := func(f Field) bool {
		return strings.Contains(f.Autocomplete, "username") || (nameField.MatchString(f.Name+" "+f.ID) && !codeName.MatchString(f.Name) && !captchaName(f.Name))
	}
	if i := slices.IndexFunc(fields, say); i >= 0 {
		return fields[i].Name
	}
	return fields[0].Name
}

func captchaName(name string) bool { return strings.Contains(strings.ToLower(name), "captcha") }

func captcha(s *goquery.Selection) bool { return s.Find(captchaSelectors).Length() > 0 }

// around returns the page's forms that are the entry's. Only a captcha inside them prevents
// the sign-in, and not one in the form of a newsletter, for example.
func around(p *Page, e *Entry) *goquery.Selection {
	return p.Doc().Find("form").FilterFunction(func(_ int, s *goquery.Selection) bool { return e.same(p.newForm(s)) })
}

// codeField returns the name of the field for a one-time code, if the page has one.
func codeField(p *Page) (string, bool) {
	for _, f := range p.Forms() {
		for _, x := range f.Fields {
			open := slices.Contains([]string{"text", "number", "tel", "password", ""}, x.Type)
			if open && (x.Autocomplete == "one-time-code" || codeName.MatchString(x.Name+" "+x.ID)) {
				return x.Name, true
			}
		}
	}
	return "", false
}

// signInLinks are links of the page to its own host with the words of a sign-in.
func signInLinks(p *Page) (hrefs []string) {
	for _, l := range p.Links() {
		words := l.Href + " " + l.Text + " " + l.Title
		if len(hrefs) < links && soundsLikeSignIn.MatchString(words) && !soundsLikeOther.MatchString(words) &&
			strings.EqualFold(l.URL.Hostname(), p.URL.Hostname()) && !slices.Contains(hrefs, l.Href) {
			hrefs = append(hrefs, l.Href)
		}
	}
	return hrefs
}
