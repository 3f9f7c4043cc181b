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

// signs finds signs of nobody: ones that no user's response shows, and that together
// cover every stranger's. None if some stranger's response has no sign.
func (in *inspection) signs(strangers, users []whoami.Response) (found []config.Sign) {
	for _, s := range strangers {
		if slices.ContainsFunc(found, func(sign config.Sign) bool { return shows(sign, s) }) {
			continue
		}
		for _, sign := range in.signsOf(s) {
			if shows(sign, s) && !slices.ContainsFunc(users, func(u whoami.Response) bool { return shows(sign, u) }) {
				found = append(found, sign)
				break
			}
		}
		if !slices.ContainsFunc(found, func(sign config.Sign) bool { return shows(sign, s) }) {
			return nil
		}
	}
	return found
}

// placeholder is the sign that stands where a user would be: <b id="who" data-id="0">.
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

// shows reports whether the gateway would see the sign in a response.
func shows(sign config.Sign, res whoami.Response) bool {
	q, err := whoami.Compile(config.Whoami{URI: "/", Anonymous: []config.Sign{sign}, User: &config.Extractor{Header: "X-Not-There"}})
	return err == nil && q.Judge(res).Kind == whoami.Anonymous
}

// signsOf are what might be signs in a stranger's response, the surest first.
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

// forbiddenSigns are what a 403 says beside its status, which limiters and firewalls in
// front of the portal answer, too.
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

// redirectGlob is the path of a redirect, whatever host stands before it and whatever
// query behind.
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

// jsonSigns are what a stranger's document says by itself: that there is an error, or
// that nobody is signed in.
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

// htmlSigns are the sign-in form itself, and what leads to it.
func (in *inspection) htmlSigns(body string) (list []config.Sign) {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(body))
	if err != nil {
		return nil
	}
	add := func(format string, args ...string) {
		for _, a := range args {
			if !plainName(a) {
				return
			}
		}
		list = append(list, config.Sign{HTML: fmt.Sprintf(format, toAny(args)...)})
	}
	if in.entry.Form.ID != "" && plainCSS.MatchString(in.entry.Form.ID) {
		add("form#" + in.entry.Form.ID)
	}
	add(`input[type=password][name=%q]`, in.entry.Password)
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
		if m := entering.FindString(s.AttrOr(attr, "")); m != "" {
			add(goquery.NodeName(s)+"["+attr+"*=%q]", m)
		}
	})
	return list
}

func toAny(list []string) (out []any) {
	for _, s := range list {
		out = append(out, s)
	}
	return out
}
