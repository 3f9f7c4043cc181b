package inspect

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// choose sets `whoami` to the best candidate. If its page also has a user name and an email
// address, whoami reads these too. The Accept header is dropped if it is not needed.
func (in *inspection) choose(ctx context.Context) error {
	best := in.candidates[0]
	w := best.whoami()
	for _, c := range in.all {
		x := c.extract
		switch {
		case c.place != best.place || c == best:
		case w.Email == nil && hasAny(c.key, []string{"email", "mail"}) && strings.Contains(c.value, "@"):
			w.Email = &x
		case w.Name == nil && c.value != best.value && isName(c.key) && (scoring{account: in.Customers[0]}).typed(c.value):
			w.Name = &x
		}
	}
	in.site.Whoami = []config.Whoami{w}
	in.id = best.value
	in.noteWhoami(best)
	if best.accept == "" {
		return nil
	}
	b, err := in.session(ctx)
	if err == nil && in.askedPlainly(ctx, b, best) {
		in.site.Whoami[0].Header = nil
	}
	return err
}

// askedPlainly reports whether the candidate's question gives the right verdicts without
// an Accept header, for the browser and for an anonymous visitor.
func (in *inspection) askedPlainly(ctx context.Context, b *browse.Browser, c *candidate) bool {
	w := c.whoami()
	w.Header = nil
	q, err := whoami.Compile(w)
	if err != nil {
		return false
	}
	user, stranger := in.portal.Put(ctx, b, q, nil), in.portal.Put(ctx, in.browser(), q, nil)
	return user.Kind == whoami.User && user.User == c.value && stranger.Kind == whoami.Anonymous
}

func (in *inspection) noteWhoami(best *candidate) {
	in.note("whoami.0", "%s", in.seenBy())
	if best.normalize != nil {
		in.note("whoami.0", "The page shows the name as it was typed, so it is converted to lower case and without blanks around it. A page with the number of the account would be better.")
	}
	if slices.ContainsFunc(best.signs, func(s config.Sign) bool { return slices.Contains(s.Status, http.StatusForbidden) }) {
		in.note("whoami.0", "Strangers are recognised by status 403 alone, which rate limiters and firewalls answer, too. A page with a text that no user is signed in would be better.")
	}
	if len(best.not) > 0 {
		in.note("whoami.0.user", "Strangers see %q here.", best.not[0])
	}
	if !numeric.MatchString(best.value) {
		in.note("whoami.0.user", "A user name: make sure that customers can't take the name of a former customer.")
	}
	others := slices.DeleteFunc(slices.Clone(in.candidates), func(c *candidate) bool { return c.place == best.place })
	if len(others) > 0 {
		in.note("whoami.0", "These name the user as well: %s.", uris(others, 3))
	}
}

// seenBy returns a sentence for the notes: in which sessions whoami named the right user.
func (in *inspection) seenBy() string {
	text := "Names the same user in two sessions"
	if len(in.spelled) > 0 {
		text += " and however the name is written: " + strings.Join(in.spelled, ", ")
	}
	if in.ev.other != nil {
		text += "; another for the second customer"
	}
	return text + "."
}

// uris returns the addresses of candidates, each once, at most the first `most`.
func uris(list []*candidate, most int) string {
	var seen []string
	for _, c := range list {
		if !slices.Contains(seen, c.uri) && len(seen) < most {
			seen = append(seen, c.uri)
		}
	}
	return strings.Join(seen, ", ")
}

// noUser returns the error for the case that no candidate was proven. near are the
// candidates that had a high score.
func (in *inspection) noUser(near []*candidate) error {
	what := "none of them shows the user name or an account number"
	if len(near) > 0 {
		what = "those that came near (" + uris(near, 6) + ") change it with the spelling, show it to strangers or can be edited"
	}
	if in.ev.other == nil {
		what += ", and with one customer only a number can't be told from one that is everybody's: give a second"
	}
	return fmt.Errorf("%w: %d pages were looked at and %s; name one with --page, for example the account's details (--page /account/details), or write whoami yourself", ErrNoUser, len(in.views), what)
}

// signs finds signs of an anonymous response: no user's response shows one, and each
// stranger's shows at least one. It returns none if a stranger's response has no sign.
func (in *inspection) signs(strangers, users []whoami.Response) (found []config.Sign) {
	for _, s := range strangers {
		if slices.ContainsFunc(found, func(sign config.Sign) bool { return shows(sign, s) }) {
			continue
		}
		list := in.signsOf(s)
		i := slices.IndexFunc(list, func(sign config.Sign) bool { return only(sign, []whoami.Response{s}, users) })
		if i < 0 {
			return nil
		}
		found = append(found, list[i])
	}
	return found
}

// placeholder returns a sign that matches the placeholder in the user's place, as in
// <b id="who" data-id="0">. It is empty if the candidate is no attribute or has none.
func (c *candidate) placeholder() config.Sign {
	x := c.extract
	if len(c.not) == 0 || x.HTML == "" || x.Attr == "" || x.JSON != "" || x.Regex != "" || !plainName(c.not[0]) {
		return config.Sign{}
	}
	return config.Sign{HTML: fmt.Sprintf("%s[%s=%q]", x.HTML, x.Attr, c.not[0])}
}

// only reports whether all strangers' responses show a sign, and no user's does.
func only(sign config.Sign, strangers, users []whoami.Response) bool {
	shown := func(r whoami.Response) bool { return shows(sign, r) }
	return !slices.ContainsFunc(strangers, func(r whoami.Response) bool { return !shown(r) }) && !slices.ContainsFunc(users, shown)
}

// shows reports whether the gateway finds the sign in a response.
func shows(sign config.Sign, res whoami.Response) bool {
	q, err := whoami.Compile(config.Whoami{URI: "/", Anonymous: []config.Sign{sign}, User: &config.Extractor{Header: "X-Not-There"}})
	return err == nil && q.Judge(res).Kind == whoami.Anonymous
}

// signsOf returns possible signs in an anonymous response, the most reliable first. The
// caller checks that no user's response shows them.
func (in *inspection) signsOf(res whoami.Response) (list []config.Sign) {
	switch {
	case res.Status/100 == 3:
		if glob := redirectGlob(res.Header.Get("Location")); glob != "" {
			list = append(list, config.Sign{Redirect: glob})
		}
	case res.Status == http.StatusForbidden:
		list = append(in.forbiddenSigns(res), config.Sign{Status: []int{res.Status}})
	case res.Status == http.StatusUnauthorized:
		list = append(list, config.Sign{Status: []int{res.Status}})
	case res.Status/100 == 2 && isJSON(res.Header):
		list = jsonSigns(res.Body)
	case res.Status/100 == 2:
		list = in.htmlSigns(string(res.Body))
	}
	return list
}

// forbiddenSigns are candidates in the body of a 403, a status that rate limiters and
// firewalls send too.
func (in *inspection) forbiddenSigns(res whoami.Response) (list []config.Sign) {
	if !isJSON(res.Header) {
		return in.htmlSigns(string(res.Body))
	}
	list = jsonSigns(res.Body)
	for _, l := range leaves(res.Body) {
		if l.named && l.value != "" && len(l.value) < 100 {
			list = append(list, config.Sign{JSON: l.path, Value: &l.value})
		}
	}
	return list
}

// redirectGlob returns the pattern of a `redirect` sign: the path of the Location, with any
// host and query. It returns "" for the front page, which is no sign.
func redirectGlob(location string) string {
	u, err := url.Parse(location)
	if err != nil || strings.Trim(u.Path, "/") == "" || strings.ContainsAny(u.Path, "*{}\"") {
		return ""
	}
	host := ""
	if u.Host != "" || !strings.HasPrefix(u.Path, "/") {
		host = "*"
	}
	path := u.EscapedPath()
	if u.RawQuery == "" {
		return host + path + "*"
	}
	// In /index.php?rp=/login the path is the same for every page, so the parameter with
	// the word of a sign-in is a part of the pattern.
	for key, values := range u.Query() {
		if len(values) == 1 && entering.MatchString(values[0]) && !secret.MatchString(key) && len(values[0]) < 40 && !entering.MatchString(path) {
			return host + path + "*" + key + "=" + values[0] + "*"
		}
	}
	return host + path + "*"
}

// jsonSigns returns values in a JSON document that may be signs: first those with a key
// such as "authenticated", then errors and values such as null, 0 and "guest".
func jsonSigns(body []byte) (list []config.Sign) {
	var weak []config.Sign
	for _, l := range leaves(body) {
		value := l.value
		sign := config.Sign{JSON: l.path, Value: &value}
		switch last := words(l.names[len(l.names)-1]); {
		case hasAny(last, []string{"authenticated", "anonymous", "guest", "logged", "signed", "login"}) && !l.named:
			list = append(list, sign)
		case hasAny(last, []string{"error", "errors"}):
			weak = append(weak, config.Sign{JSON: l.path})
		case !l.named || value == "0" || value == "-1" || value == "" || strings.EqualFold(value, "guest") || strings.EqualFold(value, "anonymous"):
			weak = append(weak, sign)
		}
	}
	return append(list, weak...)
}

// htmlSigns returns parts of a page that may be signs: the sign-in form, values in embedded
// JSON, classes such as "guest", and links and forms that lead to a sign-in.
func (in *inspection) htmlSigns(body string) (list []config.Sign) {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(body))
	if err != nil {
		return nil
	}
	add := func(selector string) { list = append(list, config.Sign{HTML: selector}) }
	if plainCSS.MatchString(in.entry.Form.ID) {
		add("form#" + in.entry.Form.ID)
	}
	if plainName(in.entry.Password) {
		add(fmt.Sprintf(`input[type=password][name=%q]`, in.entry.Password))
	}
	for _, h := range holders(doc) {
		for _, sign := range jsonSigns([]byte(h.text)) {
			sign.HTML, sign.Attr = h.extract.HTML, h.extract.Attr
			list = append(list, sign)
		}
	}
	doc.Find("[class]").Each(func(_ int, s *goquery.Selection) {
		for _, class := range strings.Fields(s.AttrOr("class", "")) {
			if plainCSS.MatchString(class) && (entering.MatchString(class) || nobody.MatchString(class)) {
				add(goquery.NodeName(s) + "." + class)
			}
		}
	})
	doc.Find("a[href],form[action]").Each(func(_ int, s *goquery.Selection) {
		attr := "href"
		if goquery.NodeName(s) == "form" {
			attr = "action"
		}
		if m := entering.FindString(s.AttrOr(attr, "")); plainName(m) {
			add(fmt.Sprintf("%s[%s*=%q]", goquery.NodeName(s), attr, m))
		}
	})
	return list
}
