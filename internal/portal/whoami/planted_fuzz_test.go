package whoami_test

import (
	"encoding/json"
	"html"
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// surface is a place where a portal shows text that a stranger or a customer chose. page returns
// such a page with the ids of the users that it names by itself: none, one or two.
type surface struct {
	name string
	user config.Extractor
	page func(planted string, ids ...string) whoami.Response
}

var surfaces = []surface{
	{"html attribute", *byHTML("input#u", "value"), func(planted string, ids ...string) whoami.Response {
		return htmlPage(planted, `<input id=u value="`, ids, `">`)
	}},
	{"html text", *byHTML("b.user", ""), func(planted string, ids ...string) whoami.Response {
		return htmlPage(planted, `<b class="user">`, ids, `</b>`)
	}},
	{"json", *byJSON("id"), jsonPage},
	{"json in a script", config.Extractor{HTML: "script#s", JSON: "id"}, func(planted string, ids ...string) whoami.Response {
		text := string(jsonPage(planted, ids...).Body) // Go's encoder leaves no < in it
		return htmlPage(planted, `<script id="s">`, []string{text}, "</script>")
	}},
	{"json in an attribute", config.Extractor{HTML: "#a", Attr: "data-page", JSON: "id"}, func(planted string, ids ...string) whoami.Response {
		text := html.EscapeString(string(jsonPage(planted, ids...).Body))
		return htmlPage(planted, `<div id="a" data-page="`, []string{text}, `"></div>`)
	}},
	{"regex in an attribute", config.Extractor{HTML: "a.me", Attr: "href", Regex: "^/people/([a-z]+)$"}, func(planted string, ids ...string) whoami.Response {
		return htmlPage(planted, `<a class="me" href="/people/`, ids, `">`)
	}},
	{"regex", config.Extractor{Regex: `uid=([^;]*);`}, func(planted string, ids ...string) whoami.Response {
		return htmlPage(planted, "uid=", ids, ";")
	}},
	{"regex of digits and letters", config.Extractor{Regex: `uid=(\w+);`}, func(planted string, ids ...string) whoami.Response {
		return htmlPage(planted, "uid=", ids, ";")
	}},
	{"header", config.Extractor{Header: "X-User"}, func(planted string, ids ...string) whoami.Response {
		res := htmlPage(planted, "<i>", ids, "</i>")
		res.Header["X-Display-Name"], res.Header["X-User"] = []string{planted}, ids
		return res
	}},
}

// htmlPage shows the text in front of, between and behind the ids, escaped; without
// ids it is a stranger's, with the sign-in form.
func htmlPage(planted, before string, ids []string, after string) whoami.Response {
	text := html.EscapeString(planted)
	around := "<p>" + text + `</p><a title="` + text + `">` + text + "</a><textarea>" + text + "</textarea>"
	body := "<!DOCTYPE html><title>" + text + "</title>" + around
	for _, id := range ids {
		body += before + id + after + around
	}
	if len(ids) == 0 {
		body += "<form id=login></form>"
	}
	return whoami.Response{Status: http.StatusOK, Header: http.Header{}, Body: []byte(body)}
}

// jsonPage has the text as a value and as a key.
func jsonPage(planted string, ids ...string) whoami.Response {
	text, err := json.Marshal(planted)
	if err != nil {
		panic(err)
	}
	body := `{"note":` + string(text) + `,"more":{` + string(text) + `:1},"list":[` + string(text) + `]`
	switch len(ids) {
	case 0:
		body += `,"login":true`
	case 1:
		body += `,"id":"` + ids[0] + `"`
	default:
		body += `,"id":["` + strings.Join(ids, `",`+string(text)+`,"`) + `"]`
	}
	return whoami.Response{Status: http.StatusOK, Header: http.Header{}, Body: []byte(body + "}")}
}

// FuzzPlanted (threat model, part D): an attacker plants text in a page, as a display name or a
// comment. The page of one user is then answered with that user or with unknown, the page of two
// users never with one of them, and a stranger's page never with a user.
func FuzzPlanted(f *testing.F) {
	for _, s := range []string{
		"", "bob", `"><input id=u value="bob">`, `</b><b class="user">bob`, `","id":"bob`, "uid=bob;", "uid=", ";uid=alice;", "<!--", "--><form id=login></form>", "</textarea><form id=login>",
		"id", "login", `{"id":"bob"}`, "\x00", "\xff", "\ufeff", "bob\r\nX-User: bob", "&lt;b class=user&gt;", "\u2028", "<script>", "<![CDATA[", "alice",
	} {
		f.Add(s)
	}
	signs := []config.Sign{{HTML: "form#login"}, {JSON: "login"}}
	questions := make([]*whoami.Question, len(surfaces))
	for i, s := range surfaces {
		questions[i] = compile(f, config.Whoami{Anonymous: signs, User: &s.user})
		if v := questions[i].Judge(s.page("", "alice")); v.Kind != whoami.User || v.User != "alice" {
			f.Fatalf("%s: %+v: nothing is tested", s.name, v)
		}
	}
	f.Fuzz(func(t *testing.T, planted string) {
		for i, s := range surfaces {
			if v := questions[i].Judge(s.page(planted, "alice")); v.Kind == whoami.Anonymous || v.Kind == whoami.User && v.User != "alice" {
				t.Errorf("%s: alice's page with %q is %+v", s.name, planted, v)
			}
			if v := questions[i].Judge(s.page(planted, "alice", "carol")); v.Kind != whoami.Unknown {
				t.Errorf("%s: a page of two with %q is %+v", s.name, planted, v)
			}
			if v := questions[i].Judge(s.page(planted)); v.Kind == whoami.User {
				t.Errorf("%s: a stranger's page with %q is %+v", s.name, planted, v)
			}
		}
	})
}
