package browse_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

// TestSendsWhatABrowserSends compares the bodies of forms with those a browser makes.
func TestSendsWhatABrowserSends(t *testing.T) {
	for name, c := range map[string]struct {
		form   string
		values map[string]string
		want   string
	}{
		"hidden and text":    {`<input type=hidden name=t value="a b"><input name=u value=x>`, map[string]string{"u": "é"}, "t=a+b&u=%C3%A9"},
		"boxes":              {`<input type=checkbox name=a><input type=checkbox name=b checked><input type=checkbox name=c value=7 checked>`, nil, "b=on&c=7"},
		"radio":              {`<input type=radio name=r value=1><input type=radio name=r value=2 checked>`, nil, "r=2"},
		"select first":       {`<select name=s><option disabled>no</option><option>de</option><option value=f>fr</option></select>`, nil, "s=de"},
		"select chosen":      {`<select name=s><option>de<option selected value=f>fr</select>`, nil, "s=f"},
		"select several":     {`<select multiple name=s><option selected>de<option selected>fr<option>it</select>`, nil, "s=de&s=fr"},
		"select given":       {`<select name=s><option>de<option>fr</select>`, map[string]string{"s": "fr"}, "s=fr"},
		"textarea":           {"<textarea name=x>a&amp;b</textarea>", nil, "x=a%26b"},
		"first button":       {`<input name=u><button name=go value=1>A</button><button name=other value=2>B</button>`, nil, "u=&go=1"},
		"named button":       {`<button name=go value=1>A</button><button name=other value=2>B</button>`, map[string]string{"other": "2"}, "other=2"},
		"same button name":   {`<button name=go value=1>A</button><button name=go value=2>B</button>`, map[string]string{"go": "2"}, "go=2"},
		"image button":       {`<input type=image name=i><input name=u value=x>`, nil, "i.x=1&i.y=1&u=x"},
		"mute buttons":       {`<button type=button name=n value=1>x</button><input type=reset name=r value=2><input name=u value=1>`, nil, "u=1"},
		"disabled":           {`<input name=a value=1 disabled><fieldset disabled><input name=b value=1></fieldset><input name=c value=1>`, nil, "c=1"},
		"nameless":           {`<input value=1><input name=c value=1>`, nil, "c=1"},
		"same name twice":    {`<input type=hidden name=x value=0><input type=checkbox name=x value=1 checked>`, nil, "x=0&x=1"},
		"added by scripts":   {`<input name=u>`, map[string]string{"z": "1", "u": "a"}, "u=a&z=1"},
		"outside":            {`</form><input name=far value=1 form=f><input name=other value=1>`, nil, "far=1"},
		"nothing of another": {`<input name=a value=1></form><form><input name=b value=2>`, nil, "a=1"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			at := serve(t, map[string]http.HandlerFunc{
				"GET /p":   page(`<form id=f method=post action="/to">` + c.form + `</form>`),
				"POST /to": func(_ http.ResponseWriter, r *http.Request) { b, _ := io.ReadAll(r.Body); got = string(b) },
			})
			submit(t, at+"/p", c.values)
			if got != c.want {
				t.Errorf("sent %q, a browser sends %q", got, c.want)
			}
		})
	}
}

func submit(t *testing.T, at string, values map[string]string) *browse.Page {
	t.Helper()
	b := browser(browse.Options{})
	p, err := b.Get(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Submit(t.Context(), p.Forms()[0], values)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestFormsBetweenTableRows: the parser leaves a form between table rows empty. Browsers do so
// too, and still assign the fields to it.
func TestFormsBetweenTableRows(t *testing.T) {
	var got url.Values
	at := serve(t, map[string]http.HandlerFunc{
		"GET /":    page(`<table><form method=post action="/to"><tr><td><input type=hidden name=t value=1><input name=u></td></tr><tr><td><input type=password name=p></td></tr></form></table>`),
		"POST /to": func(w http.ResponseWriter, r *http.Request) { _ = r.ParseForm(); got = r.PostForm; page("in")(w, r) },
	})
	if _, err := browser(browse.Options{}).SignIn(t.Context(), at, alice); err != nil {
		t.Fatal(err)
	}
	if got.Get("t") != "1" || got.Get("u") != "alice" || got.Get("p") != alice.Password {
		t.Errorf("sent %v", got)
	}
}

func TestWhereAFormGoes(t *testing.T) {
	for name, c := range map[string]struct{ form, want string }{
		"itself":              {`<form method=post>`, "POST /sub/p?x=1"},
		"itself, empty":       {`<form method=post action="">`, "POST /sub/p?x=1"},
		"relative":            {`<form method=post action="to">`, "POST /sub/to"},
		"with a base":         {`<base href="/base/"><form method=post action="to">`, "POST /base/to"},
		"GET":                 {`<form action="/to?gone=1">`, "GET /to?a=1"},
		"button's, with base": {`<base href="/b/"><form method=post action="/no"><button formaction="yes">x</button>`, "POST /b/yes"},
		"button's own":        {`<form method=post action="/no"><button formaction="/yes">x</button>`, "POST /yes"},
		"a query of its own":  {`<form method=post action="?do=login">`, "POST /sub/p?do=login"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			at := serve(t, map[string]http.HandlerFunc{
				"GET /sub/p":  page(c.form + `<input name=a value=1></form>`),
				"/":           func(_ http.ResponseWriter, r *http.Request) { got = r.Method + " " + r.URL.String() },
				"POST /sub/p": func(_ http.ResponseWriter, r *http.Request) { got = r.Method + " " + r.URL.String() },
			})
			submit(t, at+"/sub/p?x=1", nil)
			if got != c.want {
				t.Errorf("went to %q, want %q", got, c.want)
			}
		})
	}
}

func TestPicksTheSignInAmongForms(t *testing.T) {
	var got url.Values
	at := serve(t, map[string]http.HandlerFunc{
		"GET /": page(`<form action="/search"><input name=q></form>
			<form method=post action="/register"><input name=user><input type=password name=pw autocomplete=new-password></form>
			<form method=post action="/register2"><input name=user><input type=password name=pw><input type=password name=pw2></form>
			<form method=post action="/signin" id=login-form><input name=company><input name=username><input type=password name=pw></form>
			<form method=post action="/news"><input name=email><div class=h-captcha></div></form>`),
		"POST /signin": func(w http.ResponseWriter, r *http.Request) { _ = r.ParseForm(); got = r.PostForm; page("in")(w, r) },
	})
	if _, err := browser(browse.Options{}).SignIn(t.Context(), at, alice); err != nil {
		t.Fatal(err)
	}
	if got.Get("username") != "alice" || got.Get("company") != "" || got.Get("pw") != alice.Password {
		t.Errorf("sent %v", got)
	}
}

func TestMultipart(t *testing.T) {
	got := ""
	at := serve(t, map[string]http.HandlerFunc{
		"GET /":    page(`<form method=post enctype="multipart/form-data" action="/to"><input name=u><input type=file name=f></form>`),
		"POST /to": func(_ http.ResponseWriter, r *http.Request) { got = r.FormValue("u") + r.Header.Get("Content-Type") },
	})
	submit(t, at, map[string]string{"u": "a\r\nb"})
	if !strings.HasPrefix(got, "a\r\nbmultipart/form-data; boundary=") {
		t.Errorf("sent %q", got)
	}
}
