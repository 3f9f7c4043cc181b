package portalkinds

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// byName are portals with different ways to name users on their pages.
var byName = []kind{
	{name: "placeholder", portal: whoamiPage(func(a *account) reply {
		if a == nil {
			return encode(map[string]any{"user": map[string]any{"id": 0, "name": "Guest"}})
		}
		return encode(map[string]any{"user": map[string]any{"id": a.ID, "name": a.Display}})
	}), more: differ},
	{name: "placeholder-html", portal: whoamiPage(func(a *account) reply {
		if a == nil {
			return page(`<nav>Signed in as: <b id="who" data-id="0">Guest</b></nav>`)
		}
		return page(fmt.Sprintf(`<nav>Signed in as: <b id="who" data-id="%d">%s</b></nav>`, a.ID, a.Display))
	}), more: differ},
	{name: "attribute", portal: whoamiPage(func(a *account) reply {
		if a == nil {
			return page(`<body class="anonymous"><p>Please sign in`)
		}
		return page(fmt.Sprintf(`<body class="member" data-member-id="%d"><p>%s</body>`, a.ID, a.Display))
	}), more: differ},
	{name: "in-a-link", portal: whoamiPage(func(a *account) reply {
		if a == nil {
			return page(`<a href="/login" class="sign-in">Sign in</a> <a href="/people/1">Our team</a>`)
		}
		return page(fmt.Sprintf(`<a class="me" href="/people/%d?tab=settings">%s</a> <a href="/people/1">Our team</a>`, a.ID, a.Display))
	}), more: differ},
	{name: "over-lines", portal: whoamiPage(func(a *account) reply {
		if a == nil {
			return found("/login?next=%2Fme")
		}
		return page(fmt.Sprintf("<dl>\n<dt>Customer</dt>\n<dd class=\"customer\">\n\t<!-- no. -->\n\t%s\n\t<small>&nbsp;&ndash;\n %d</small>\n</dd></dl>", a.Name, a.ID))
	}), more: differ},
	{name: "numbers", portal: whoamiPage(func(a *account) reply {
		if a == nil {
			return reply{status: http.StatusForbidden, kind: "application/json", body: `{"detail":"no"}`}
		}
		return encode(map[string]any{"id": a.ID, "login": a.Display})
	}), more: differ},
	{name: "arrays", portal: whoamiPage(func(a *account) reply {
		people := []any{}
		if a != nil {
			ids := []any{map[string]any{"kind": "customer", "value": []any{[]any{a.ID}}}}
			people = append(people, map[string]any{"ids": ids}, map[string]any{"ids": ids})
		}
		return encode(map[string]any{"result": map[string]any{"people": people, "signed.in": a != nil}})
	}), more: differ},
	{name: "in-a-script", portal: whoamiPage(func(a *account) reply {
		return page(`<script id="state" type="application/json">` + state(a) + `</script>`)
	}), more: differ},
	{name: "in-an-attribute", portal: whoamiPage(func(a *account) reply {
		return page(`<div id="app" data-page="` + strings.ReplaceAll(state(a), `"`, "&quot;") + `"></div>`)
	}), more: differ},
}

// state is the initial state that a single-page application gets with its page. It contains text
// that the customer wrote.
func state(a *account) string {
	if a == nil {
		return `{"props":{"auth":{"user":null}}}`
	}
	return encode(map[string]any{"props": map[string]any{
		"draft": `"user":{"id":1}`, "auth": map[string]any{"user": map[string]any{"id": a.ID}},
	}}).body
}

// whoamiPage is a usual portal with these replies at /me.
func whoamiPage(answer func(*account) reply) func() *portal {
	return func() *portal {
		return &portal{keeper: serverSide(), views: map[string]func(*call) reply{
			"GET /me": func(c *call) reply { return answer(c.s.Account) },
		}}
	}
}

// differ checks that alice and bob, who have similar numbers, are different users.
func differ(j *journey, device *harness.Device) {
	j.t.Helper()
	j.leave()
	j.enter("alice", "pw-alice")
	j.Pass(device.Code(j.t))
	j.use("once more")
}

// byAddress are portals below unusual addresses, or with absolute addresses in their pages.
var byAddress = []kind{
	{name: "sub-path", portal: subPath, login: "/auth/sign-in"},
	{name: "absolute", file: "usual", portal: absolute},
	{name: "referer", file: "usual", portal: strictForms},
}

// subPath is in a directory, and its sign-in page in another below that.
func subPath() *portal {
	k := serverSide()
	k.attributes = "; Path=/portal/; HttpOnly"
	p := &portal{keeper: k, base: "/portal", link: func(_ *call, path string) string {
		if path == "/login" {
			path = "/auth/sign-in"
		}
		return "/portal" + path
	}}
	p.views = map[string]func(*call) reply{
		"GET /auth/sign-in": (*call).form, "POST /auth/sign-in": (*call).signIn,
		"GET /login": func(*call) reply { return reply{status: http.StatusNotFound} },
	}
	return p
}

// absolute writes its own address as the request has it.
func absolute() *portal {
	return &portal{keeper: serverSide(), link: func(c *call, path string) string {
		return c.r.Header.Get("X-Forwarded-Proto") + "://" + c.r.Host + path
	}}
}

// strictForms takes forms from its own pages only, by Referer and Origin.
func strictForms() *portal {
	p := absolute()
	own := func(view func(*call) reply) func(*call) reply {
		return func(c *call) reply {
			from, err := url.Parse(c.r.Header.Get("Referer"))
			if err != nil || from.Host != c.r.Host || c.r.Header.Get("Origin") != from.Scheme+"://"+from.Host {
				c.p.breaks("another Referer", c.r)
				return reply{status: http.StatusForbidden, body: "CSRF"}
			}
			return view(c)
		}
	}
	p.views = map[string]func(*call) reply{"POST /login": own((*call).signIn), "POST /notes": own((*call).note)}
	return p
}
