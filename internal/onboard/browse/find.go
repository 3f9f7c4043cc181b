package browse

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"
)

// links is how many links that sound like a sign-in are tried.
const links = 4

var (
	soundsLikeSignIn = regexp.MustCompile(`(?i)log[ _-]?[io]n|sign[ _-]?in|anmeld|einlogg|kirjaud|logga[ -]?in|connexion|se connecter|accedi|iniciar|aanmelden|inloggen|do=login|client ?area|my ?account|/auth\b`)
	soundsLikeOther  = regexp.MustCompile(`(?i)log[ _-]?out|sign[ _-]?(out|up|off)|abmeld|regist|lost|forg|reset|oauth|saml|openid|google|facebook|github`)
	nameField        = regexp.MustCompile(`(?i)user|login|log$|^log|mail|name|account|kunde|customer|^u$|^id$|tunnus`)
	codeName         = regexp.MustCompile(`(?i:otp|2fa|(^|[^a-z])[mt]fa|two.?factor|second.?factor|one.?time|auth.?code|authenticator|verification.?code|security.?code|passcode)|[MT]fa|[MT]FA`)
	captchaSelectors = `.g-recaptcha,.h-captcha,.cf-turnstile,.frc-captcha,altcha-widget,iframe[src*="captcha"],iframe[src*="challenges.cloudflare.com"],` +
		`input[name*="captcha" i],img[src*="captcha" i],[data-sitekey]`
)

// Find looks for the sign-in form: on the page itself, or behind a link on it that
// sounds like one. Errors: ErrNoForm, ErrCaptcha, ErrNotHTML, ErrUnreachable, ErrTLS,
// ErrTooLarge, ErrRedirects.
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

// entry takes the sign-in form of a page.
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

// best is the form that looks most like a sign-in, or nil.
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

// score tells a sign-in from a registration or a change of password.
func (f *Form) score() int {
	s := 0
	if f.Method == "POST" {
		s += 2
	}
	if words := f.ID + " " + f.Action.Path + "?" + f.Action.RawQuery; soundsLikeSignIn.MatchString(words) {
		s += 2
	}
	if !soundsLikeOther.MatchString(f.ID + " " + f.Action.Path) {
		s++
	}
	return s
}

// signIn names the form's fields, if it has one for a password and one for a name.
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

// nameOf picks the field for the user name: that which says so, else the first.
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

// around is the part of the page that belongs to the form: a captcha elsewhere, at a
// newsletter's form, is none of ours.
func around(p *Page, e *Entry) *goquery.Selection {
	return p.Doc().Find("form").FilterFunction(func(_ int, s *goquery.Selection) bool {
		f := p.form(s)
		user, password, ok := f.signIn()
		return ok && user == e.User && password == e.Password
	})
}

// codeField names the field for a one-time code, on a page that asks for one and for
// no password.
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

// signInLinks are links of the page, on its own host, that sound like a sign-in; best
// first.
func signInLinks(p *Page) []string {
	var hrefs []string
	p.Doc().Find("a[href]").Each(func(_ int, a *goquery.Selection) {
		href := a.AttrOr("href", "")
		words := href + " " + a.Text() + " " + a.AttrOr("title", "")
		if !soundsLikeSignIn.MatchString(words) || soundsLikeOther.MatchString(words) {
			return
		}
		if u, err := p.Resolve(href); err == nil && sameHost(u, p.URL) && !slices.Contains(hrefs, href) {
			hrefs = append(hrefs, href)
		}
	})
	return hrefs[:min(len(hrefs), links)]
}

func sameHost(a, b *url.URL) bool { return strings.EqualFold(a.Hostname(), b.Hostname()) }
