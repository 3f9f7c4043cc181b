package inspect

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

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

// placeholder is the sign for the value in the user's place: <b id="who" data-id="0">.
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

// signsOf are candidates for signs in a stranger's response, the most reliable first.
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

// redirectGlob is a pattern with the path of a redirect, for any host and query.
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
	// /index.php?rp=/login: a script's path alone would be every page.
	for key, values := range u.Query() {
		if len(values) == 1 && entering.MatchString(values[0]) && !secret.MatchString(key) && len(values[0]) < 40 && !entering.MatchString(path) {
			return host + path + "*" + key + "=" + values[0] + "*"
		}
	}
	return host + path + "*"
}

// jsonSigns are values in a JSON document that mean an error, or that no user is signed in.
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

// htmlSigns are the sign-in form, and links and forms that lead to it.
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
			sign.HTML, sign.Attr = h.selector, h.attr
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
