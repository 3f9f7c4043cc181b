package whoami_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

func compile(t testing.TB, c config.Whoami) *whoami.Question {
	t.Helper()
	q, err := whoami.Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// response is an answer with a body and "Name: value" headers.
func response(status int, body string, headers ...string) whoami.Response {
	h := http.Header{}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return whoami.Response{Status: status, Header: h, Body: []byte(body)}
}

func byHTML(selector, attr string) *config.Extractor {
	return &config.Extractor{HTML: selector, Attr: attr}
}

func byJSON(path string) *config.Extractor { return &config.Extractor{JSON: path} }

type row struct {
	name string
	res  whoami.Response
	want whoami.Verdict
}

func judge(t *testing.T, c config.Whoami, rows []row) {
	t.Helper()
	q := compile(t, c)
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			got := q.Judge(r.res)
			if (got.Why != "") != (got.Kind == whoami.Unknown) {
				t.Errorf("kind %v says why %q", got.Kind, got.Why)
			}
			got.Why = ""
			if got != r.want {
				t.Errorf("got %+v, want %+v; %s", got, r.want, q.Judge(r.res).Why)
			}
		})
	}
}

var (
	unknown   = whoami.Verdict{}
	anonymous = whoami.Verdict{Kind: whoami.Anonymous}
)

func user(id string) whoami.Verdict { return whoami.Verdict{Kind: whoami.User, User: id} }

func TestJudge_HTML(t *testing.T) {
	c := config.Whoami{
		URI:       "/profile",
		Anonymous: []config.Sign{{Redirect: "*/login*"}, {HTML: "form.login"}, {Status: []int{401}}},
		User:      &config.Extractor{HTML: "input[name=login]", Attr: "VALUE", Not: []string{"guest"}},
		Name:      byHTML(".name", ""),
		Email:     byHTML("input[type=email]", "value"),
	}
	const alice = `<input name=login value="alice">`
	judge(t, c, []row{
		{"user", response(200, alice), user("alice")},
		{"with name and e-mail", response(200, alice+"<p class=name>\n Alice <b>\n A.</b> <script>x</script></p><input type=email value=a@example.com>"),
			whoami.Verdict{Kind: whoami.User, User: "alice", Name: "Alice A.", Email: "a@example.com"}},
		{"two names are none", response(200, alice+"<p class=name>Bob<p class=name>Alice"), user("alice")},
		{"twice the same", response(200, alice+alice), user("alice")},
		{"the first of an attribute given twice, as in browsers", response(200, `<input name=login value=alice value=bob>`), user("alice")},
		{"entities are decoded, blanks kept", response(200, `<input name=login value=" a&amp;b ">`), user(" a&b ")},
		{"201 and 204 are 2xx", response(201, alice), user("alice")},

		{"redirect", response(302, "", "Location: https://x.example/login?next=/profile"), anonymous},
		{"redirect with a page for users", response(302, alice, "Location: /login"), anonymous},
		{"form", response(200, "<form class=login>"), anonymous},
		{"form on an error page", response(403, "<form class=login>"), anonymous},
		{"status", response(401, "x"), anonymous},
		{"form, and an empty id", response(200, `<form class=login><input name=login value="">`), anonymous},
		{"form, and a placeholder", response(200, `<form class=login><input name=login value="guest">`), anonymous},

		{"nothing", response(200, "<p>hello"), unknown},
		{"empty", response(200, ""), unknown},
		{"empty id", response(200, `<input name=login value="">`), unknown},
		{"blank id", response(200, `<input name=login value="  ">`), unknown},
		{"no attribute", response(200, "<input name=login>"), unknown},
		{"placeholder", response(200, `<input name=login value="guest">`), unknown},
		{"two users", response(200, alice+`<input name=login value="bob">`), unknown},
		{"user and an empty one", response(200, alice+`<input name=login value="">`), unknown},
		{"user and a placeholder", response(200, alice+`<input name=login value="guest">`), unknown},
		{"both at once", response(200, alice+"<form class=login>"), unknown},
		{"several and a sign", response(200, alice+`<input name=login value="bob"><form class=login>`), unknown},
		{"user on an error page", response(500, alice), unknown},
		{"user on a redirect elsewhere", response(302, alice, "Location: /welcome"), unknown},
		{"two Locations", response(302, "", "Location: /login", "Location: /welcome"), unknown},
		{"Location without redirect", response(200, "", "Location: /login"), unknown},
		{"304 is no redirect", response(304, "", "Location: /login"), unknown},
		{"gateway timeout", response(504, "<form>"), unknown},
		{"markup in a comment", response(200, "<!--"+alice+"-->"), unknown},
		{"markup in a text area", response(200, "<textarea>"+alice+"</textarea>"), unknown},
		{"planted and escaped", response(200, "&lt;input name=login value=bob&gt;"), unknown},
		{"not UTF-8", response(200, alice+"\xff"), unknown},
		{"truncated", whoami.Response{Status: 200, Body: []byte(alice), Truncated: true}, unknown},
		{"truncated with a sign", whoami.Response{Status: 401, Truncated: true}, unknown},
		{"too large", response(200, alice+strings.Repeat(" ", 3<<20)), unknown},
		{"nested too deeply", response(200, strings.Repeat("<div>", 5000)+alice), unknown},
	})
}

func TestJudge_JSON(t *testing.T) {
	nobody := "null"
	c := config.Whoami{
		URI:       "/me",
		Anonymous: []config.Sign{{JSON: "user", Value: &nobody}, {JSON: ".error"}},
		User:      &config.Extractor{JSON: ".user.id", Not: []string{"0"}},
		Email:     byJSON(`user.e\.mail`),
	}
	judge(t, c, []row{
		{"text", response(200, `{"user":{"id":"alice"}}`), user("alice")},
		{"number, exactly", response(200, `{"user":{"id":9007199254740993}}`), user("9007199254740993")},
		{"escapes", response(200, `{"user":{"id":"\u0061lice"}}`), user("alice")},
		{"dot in a key", response(200, `{"user":{"id":"alice","e.mail":"a@example.com"}}`), whoami.Verdict{Kind: whoami.User, User: "alice", Email: "a@example.com"}},
		{"array of one", response(200, `{"user":[{"id":[["alice"]]}]}`), user("alice")},
		{"array of the same", response(200, `{"user":[{"id":"alice"},{"id":"alice"},{}]}`), user("alice")},
		{"byte order mark", response(200, "\ufeff"+`{"user":{"id":"alice"}}`), user("alice")},

		{"null is the sign", response(200, `{"user":null}`), anonymous},
		{"member exists", response(403, `{"error":{}}`), anonymous},
		{"member exists, empty array", response(200, `{"error":[]}`), anonymous},
		{"placeholder and a sign", response(200, `{"user":{"id":0},"error":1}`), anonymous},
		{"false and a sign", response(200, `{"user":{"id":false},"error":1}`), anonymous},

		{"placeholder", response(200, `{"user":{"id":0}}`), unknown},
		{"another case", response(200, `{"User":{"Id":"alice"}}`), unknown},
		{"true", response(200, `{"user":{"id":true},"error":1}`), unknown},
		{"object", response(200, `{"user":{"id":{"id":"alice"}}}`), unknown},
		{"fraction", response(200, `{"user":{"id":1.0}}`), unknown},
		{"exponent", response(200, `{"user":{"id":1e3}}`), unknown},
		{"array of two", response(200, `{"user":{"id":["alice","bob"]}}`), unknown},
		{"two in an array", response(200, `{"user":[{"id":"alice"},{"id":"bob"}]}`), unknown},
		{"number and text are two", response(200, `{"user":[{"id":1},{"id":"1x"}]}`), unknown},
		{"key twice", response(200, `{"user":{"id":"alice"},"user":{"id":"alice"}}`), unknown},
		{"key twice elsewhere", response(200, `{"user":{"id":"alice"},"x":[{"y":1,"\u0079":2}]}`), unknown},
		{"trailing comma", response(200, `{"user":{"id":"alice"},}`), unknown},
		{"two documents", response(200, `{"user":{"id":"alice"}} {}`), unknown},
		{"cut off", response(200, `{"user":{"id":"alice"}`), unknown},
		{"HTML", response(200, `<p>{"user":{"id":"alice"}}`), unknown},
		{"lone surrogate", response(200, `{"user":{"id":"\ud800"}}`), unknown},
		{"control character", response(200, `{"user":{"id":"a\nb"}}`), unknown},
		{"DEL", response(200, `{"user":{"id":"a\u007f"}}`), unknown},
		{"256 bytes", response(200, `{"user":{"id":"`+strings.Repeat("é", 128)+`"}}`), user(strings.Repeat("é", 128))},
		{"257 bytes", response(200, `{"user":{"id":"`+strings.Repeat("x", 257)+`"}}`), unknown},
		{"deep", response(200, `{"user":`+strings.Repeat("[", 100)+`{"id":"alice"}`+strings.Repeat("]", 100)+`}`), unknown},
		{"both at once", response(200, `{"user":{"id":"alice"},"error":1}`), unknown},
	})
	judge(t, config.Whoami{Anonymous: []config.Sign{{Status: []int{401}}}, User: byJSON("users.#.id")}, []row{
		{"elements", response(200, `{"users":[{"id":7}]}`), user("7")},
		{"several elements", response(200, `{"users":[{"id":7},{"id":8}]}`), unknown},
	})
	judge(t, config.Whoami{Anonymous: []config.Sign{{Status: []int{401}}}, User: byJSON("users.1.id")}, []row{
		{"one element picked", response(200, `{"users":[{"id":7},{"id":8}]}`), user("8")},
		{"missing element", response(200, `{"users":[{"id":7}]}`), unknown},
	})
}

func TestJudge_RegexAndHeader(t *testing.T) {
	c := config.Whoami{Anonymous: []config.Sign{{Regex: `^\s*nobody\s*$`}}, User: &config.Extractor{Regex: `uid=([0-9]*);`}}
	judge(t, c, []row{
		{"one match", response(200, "x uid=7; y"), user("7")},
		{"all matches count", response(200, "uid=7; uid=7;"), user("7")},
		{"two values", response(200, "uid=7; uid=8;"), unknown},
		{"empty group", response(200, "uid=;"), unknown},
		{"sign", response(400, "nobody\n"), anonymous},
		{"sign on an error page", response(500, "nobody\n"), unknown},
		{"planted sign", response(200, "<p>nobody"), unknown},
		{"planted sign beside a user", response(200, "nobody uid=7;"), user("7")},
	})
	c.User.Regex = `u-([^;]*-x);`
	judge(t, c, []row{
		{"planted text swallows the id", response(200, "<i>u-</i> u-ann-x;"), unknown},
		{"an id that holds what matches begin with", response(200, "u-lu-x;"), user("lu-x")},
	})
	c.User.Regex = `uid(=\d+)?;`
	judge(t, c, []row{{"the group takes no part", response(200, "uid;"), unknown}})
	c = config.Whoami{Anonymous: []config.Sign{{Status: []int{401, 403}}}, User: &config.Extractor{Header: "x-user"}}
	judge(t, c, []row{
		{"header", response(200, "", "X-User: alice"), user("alice")},
		{"header twice", response(200, "", "X-User: alice", "X-User: bob"), unknown},
		{"header not in UTF-8", response(200, "", "X-User: al\xffice"), unknown},
		{"no header", response(200, ""), unknown},
		{"refused", response(403, "", "X-User: alice"), anonymous},
	})
}

// TestJudge_Inside: what an element or its attribute holds is read as a text of its own.
func TestJudge_Inside(t *testing.T) {
	nobody := "null"
	c := config.Whoami{
		Anonymous: []config.Sign{{HTML: "#state", JSON: "user", Value: &nobody}, {HTML: "#app", Attr: "data-page", Regex: "^guest$"}},
		User:      &config.Extractor{HTML: "#state", JSON: "user.id", Not: []string{"0"}},
		Name:      &config.Extractor{HTML: "#app", Attr: "DATA-Page", JSON: "name"},
	}
	const alice = `<script id=state type="application/json">{"note":"</p><script>","user":{"id":9007199254740993}}</script>`
	judge(t, c, []row{
		{"script", response(200, alice), user("9007199254740993")},
		{"with a name", response(200, alice+`<i id=app data-page="{&quot;name&quot;:&quot;Al&quot;}">`), whoami.Verdict{Kind: whoami.User, User: "9007199254740993", Name: "Al"}},
		{"text over lines", response(200, "<p id=state>{\n<b>\"user\"</b> :{\"id\":7}\n}</p>"), user("7")},
		{"twice the same", response(200, `<p id=state>{"user":{"id":7}}</p><b id=state>{"user":{"id":"7"}}</b>`), user("7")},
		{"nobody", response(200, `<script id=state>{"user":null}</script>`), anonymous},
		{"nobody by an attribute", response(200, `<b id=app data-page=guest>`), anonymous},
		{"nobody and a placeholder", response(200, `<b id=app data-page=guest></b><p id=state>{"user":{"id":0}}`), anonymous},

		{"placeholder", response(200, `<p id=state>{"user":{"id":0}}`), unknown},
		{"two users", response(200, `<p id=state>{"user":{"id":7}}</p><b id=state>{"user":{"id":8}}</b>`), unknown},
		{"a second one that can't be read", response(200, alice+`<b id=state>{</b>`), unknown},
		{"one that can't be read, and a sign", response(200, `<b id=app data-page=guest></b><p id=state>{`), unknown},
		{"no such element", response(200, `{"user":{"id":7}}`), unknown},
		{"another element", response(200, `<p id=app>{"user":{"id":7}}`), unknown},
		{"both at once", response(200, alice+`<b id=app data-page=guest>`), unknown},
		{"guest among other words", response(200, `<b id=app data-page="no guest">`), unknown},
		{"on an error page", response(500, `<script id=state>{"user":null}</script>`), unknown},
	})
	c = config.Whoami{Anonymous: []config.Sign{{Status: []int{401}}}, User: &config.Extractor{HTML: "a.me", Attr: "href", Regex: `^/people/(\d+)`}}
	judge(t, c, []row{
		{"part of a link", response(200, `<a class=me href="/people/7?tab=1">Al</a><a href="/people/1">`), user("7")},
		{"another link", response(200, `<a class=me href="/x/people/7">`), unknown},
		{"one of each", response(200, `<a class=me href="/people/7"></a><a class=me href="/people/8">`), unknown},
	})
}

// TestAttack_Spelling: what a normaliser joins is decided by the operator, and by
// nothing else.
func TestAttack_Spelling(t *testing.T) {
	c := config.Whoami{Anonymous: []config.Sign{{Status: []int{401}}}, User: byJSON("id")}
	judge(t, c, []row{
		{"as it is", response(200, `{"id":" Ａlice "}`), user(" Ａlice ")},
		{"case makes two", response(200, `{"id":["Alice","alice"]}`), unknown},
	})
	c.Normalize = []string{"nfkc", "trim", "lower"}
	c.User = &config.Extractor{JSON: "id", Not: []string{"guest"}}
	judge(t, c, []row{
		{"normalised", response(200, `{"id":" Ａlice "}`), user("alice")},
		{"the placeholder in another spelling", response(200, `{"id":"GUEST"}`), unknown},
		{"no second spelling beside it", response(200, `{"id":["Alice","alice"]}`), unknown},
	})
}

func TestJudge_Bodies(t *testing.T) {
	c := config.Whoami{Anonymous: []config.Sign{{Status: []int{401}}}, User: byJSON("id")}
	const body = `{"id":"alice"}`
	judge(t, c, []row{
		{"gzip", response(200, gzipped(body), "Content-Encoding: gzip"), user("alice")},
		{"deflate", response(200, deflated(body), "Content-Encoding: Deflate"), user("alice")},
		{"identity", response(200, body, "Content-Encoding: identity"), user("alice")},
		{"gzip that is none", response(200, body, "Content-Encoding: gzip"), unknown},
		{"gzip cut off", response(200, gzipped(body)[:20], "Content-Encoding: gzip"), unknown},
		{"bomb", response(200, gzipped(body+strings.Repeat(" ", 5<<20)), "Content-Encoding: gzip"), unknown},
		{"2 MiB", response(200, gzipped(body+strings.Repeat(" ", 2<<20-len(body))), "Content-Encoding: gzip"), user("alice")},
		{"bare deflate", response(200, bare(body), "Content-Encoding: deflate"), user("alice")},
		{"brotli", response(200, brotlied(body), "Content-Encoding: br"), user("alice")},
		{"brotli bomb", response(200, brotlied(body+strings.Repeat(" ", 5<<20)), "Content-Encoding: br"), unknown},
		{"brotli that is none", response(200, body, "Content-Encoding: br"), unknown},
		{"zstd", response(200, zstandard(body), "Content-Encoding: zstd"), user("alice")},
		{"zstd bomb", response(200, zstandard(body+strings.Repeat(" ", 5<<20)), "Content-Encoding: zstd"), unknown},
		{"zstd cut off", response(200, zstandard(body)[:12], "Content-Encoding: zstd"), unknown},
		{"zstd with a window of 8 MiB", response(200, windowed(body, 23), "Content-Encoding: zstd"), user("alice")},
		{"zstd with a window of 16 MiB", response(200, windowed(body, 24), "Content-Encoding: zstd"), unknown},
		{"another encoding", response(200, body, "Content-Encoding: compress"), unknown},
		{"gzip twice", response(200, gzipped(body), "Content-Encoding: gzip", "Content-Encoding: gzip"), unknown},
		{"old charset", response(200, "{\"id\":\"Ren\xe9\"}", "Content-Type: application/json; charset=ISO-8859-1"), user("René")},
		{"unclaimed charset", response(200, "{\"id\":\"Ren\xe9\"}", "Content-Type: text/html"), unknown},
		{"false claim", response(200, "{\"id\":\"Ren\xe9\"}", "Content-Type: text/html; charset=UTF-8"), unknown},
		{"no charset of the Web", response(200, body, "Content-Type: text/html; charset=ibm037"), unknown},
	})
}

func gzipped(s string) string {
	var b bytes.Buffer
	return compressed(&b, gzip.NewWriter(&b), s)
}

func bare(s string) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		panic(err)
	}
	return compressed(&b, w, s)
}

func brotlied(s string) string {
	var b bytes.Buffer
	return compressed(&b, brotli.NewWriter(&b), s)
}

// windowed is a zstd frame of one raw block that asks for a window of 1<<log bytes
// (RFC 8878 3.1.1).
func windowed(s string, log byte) string {
	block := len(s)<<3 | 1
	return "\x28\xb5\x2f\xfd" + string([]byte{0, (log - 10) << 3, byte(block), byte(block >> 8), byte(block >> 16)}) + s
}

func zstandard(s string) string {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	if err != nil {
		panic(err)
	}
	return compressed(&b, w, s)
}

func deflated(s string) string {
	var b bytes.Buffer
	return compressed(&b, zlib.NewWriter(&b), s)
}

func compressed(b *bytes.Buffer, w io.WriteCloser, s string) string {
	if _, err := io.WriteString(w, s); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.String()
}
