package portalkinds

import (
	"net/http"
	"strings"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// bySessions are portals that keep sessions in their own ways.
var bySessions = []kind{
	{name: "usual", portal: func() *portal { return &portal{keeper: serverSide()} }},
	{name: "cookie-only", file: "usual", portal: func() *portal { return &portal{keeper: cookieOnly()} }, more: grown},
	{name: "renamed", portal: servlet},
	{name: "replaced", portal: func() *portal { return &portal{keeper: replacing{serverSide()}} }},
	{name: "several-cookies", file: "usual", portal: func() *portal { return &portal{keeper: several{serverSide()}} }},
	{name: "pinned", file: "usual", portal: func() *portal { return &portal{keeper: pinned{server: serverSide()}} }},
	{name: "no-path", portal: withoutPath},
	{name: "odd-attributes", file: "usual", portal: oddAttributes},
}

// byHand are portals with a property that inspect can't find and only their administrator knows.
var byHand = []kind{
	{name: "two-scopes", portal: withDesk, more: desk},
	{name: "pinned-encoding", portal: func() *portal { return &portal{keeper: pinned{serverSide(), "Accept-Encoding"}} }},
}

// grown checks that a large session in a cookie is split over several cookies when sealed.
func grown(j *journey, _ *harness.Device) {
	total, pieces := 0, 0
	for name, value := range j.Cookies("/") {
		if strings.HasPrefix(name, "sg-") {
			total += len(value)
			pieces++
		}
	}
	if total <= maxCookie || pieces < 2 {
		j.t.Errorf("the sealed session is %d bytes in %d cookies; this kind is to outgrow one", total, pieces)
	}
}

// withDesk is a client area with a help desk, which has a sign-in of its own.
func withDesk() *portal {
	k := serverSide()
	k.cookie, k.attributes = "DESK", "; Path=/desk; HttpOnly"
	return &portal{keeper: serverSide(), beside: &portal{keeper: k, base: "/desk"}}
}

// desk signs in to the second part as well: a sign-in like any other, after which both
// parts work, and one may be left for itself.
func desk(j *journey, device *harness.Device) {
	j.t.Helper()
	area, desk := j.p, j.p.beside
	j.p = desk
	j.browse()
	j.owe(device)
	j.use("at the desk")
	j.p = area
	j.use("in the client area, beside the desk")
	j.p = desk
	j.leave()
	j.owe(device)
	j.p = area
	j.leave()
	j.p = desk
	j.use("at the desk alone")
	if lost := desk.lost(); len(lost) > 0 {
		j.t.Errorf("the desk gave sessions up: %q", lost)
	}
	j.p = area
}

// servlet is like Tomcat: at a path of its own, with the session's id in its links
// until the browser has shown that it keeps cookies.
func servlet() *portal {
	k := renaming{serverSide()}
	k.cookie, k.attributes = "JSESSIONID", "; Path=/app; HttpOnly"
	return &portal{keeper: k, base: "/app", link: func(c *call, path string) string {
		if c.r.Header.Get("Cookie") == "" {
			return "/app" + path + ";jsessionid=" + c.s.ID
		}
		return "/app" + path
	}}
}

// withoutPath lets browsers find out for which path its cookie is: the directory of
// the page that set it.
func withoutPath() *portal {
	k := serverSide()
	k.attributes = ""
	return &portal{keeper: k, base: "/members"}
}

// oddAttributes is what old and home-made frameworks write.
func oddAttributes() *portal {
	k := serverSide()
	k.attributes = `;; Version="1"; PATH = / ;httponly=yes; Priority=High; SameSite=Whatever; Secure=; Expires=Tue, 01-Jan-2036 00:00:00 UTC; Domain=`
	return &portal{keeper: k}
}

// bySignIn are portals that sign in in their own ways.
var bySignIn = []kind{
	{name: "json-sign-in", portal: byJSON(http.StatusOK), enter: fetchIn},
	{name: "json-created", file: "json-sign-in", portal: byJSON(http.StatusCreated), enter: fetchIn},
}

// byJSON takes the password in JSON and answers with text, in which more is said than
// a stranger should read.
func byJSON(status int) func() *portal {
	return func() *portal {
		return &portal{keeper: serverSide(), views: map[string]func(*call) reply{
			"POST /api/session": func(c *call) reply { return c.signInByJSON(status) },
		}}
	}
}

func (c *call) signInByJSON(status int) reply {
	var in struct{ Login, Password string }
	if decode(c.r, &in) != nil {
		return reply{status: http.StatusBadRequest}
	}
	a := accountOf(in.Login, in.Password)
	if a == nil {
		return reply{status: http.StatusUnprocessableEntity, kind: "text/plain", body: "wrong"}
	}
	c.signInAs(a)
	return reply{status: status, kind: "text/plain", body: "welcome: " + a.secret()}
}

// fetchIn signs in as the page's script would, and shows the account afterwards.
func fetchIn(j *journey, login, password string) *harness.Page {
	j.t.Helper()
	j.open("/login")
	wrong := j.note(j.Fetch(http.MethodPost, "/api/session", "application/json", `{"login":"alice","password":"wrong"}`))
	if wrong.Status != http.StatusUnprocessableEntity || wrong.Body != "wrong" {
		j.t.Errorf("a wrong password: %d %s", wrong.Status, wrong.Body)
	}
	return j.note(j.Fetch(http.MethodPost, "/api/session", "application/json", `{"login":"`+login+`","password":"`+password+`"}`))
}
