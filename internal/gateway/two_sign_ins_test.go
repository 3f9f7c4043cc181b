package gateway_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

var login = regexp.MustCompile(`(?:(\w+)\s*:\s*)?(?:login\(user:"(\w+)"\)|logout)`)

// graphQL is a sign-in by GraphQL; mutations are carried out one after another; the
// client names the fields of the response. It answers with a token, or signs the session in.
func graphQL(s *shop, tokens bool) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		var in struct{ Query string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		data := map[string]any{}
		for _, m := range login.FindAllStringSubmatch(in.Query, -1) {
			name := m[1]
			if name == "" {
				name = "login"
			}
			if m[2] == "" {
				s.commit(r, s.begin(w, r), "")
				continue
			}
			fields := map[string]string{"account": secret(m[2])}
			if tokens {
				fields["token"] = "token-of-" + m[2]
			} else {
				s.commit(r, s.begin(w, r), m[2])
			}
			data[name] = fields
		}
		w.Header().Set("Content-Type", "application/json")
		out, _ := json.Marshal(map[string]any{"data": data})
		_, err := io.WriteString(w, strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(out)))
		return err
	}
}

// TestAttack_L10_TwoSignIns: one request signs two users in, first alice and then
// a user who owes nothing, or signs alice in and out. The portal names the second or
// no user afterwards; the response has what it rendered for alice.
func TestAttack_L10_TwoSignIns(t *testing.T) {
	alone := `{"query":"mutation{x: login(user:\"alice\")}"}`
	both := `{"query":"mutation{x: login(user:\"alice\") login(user:\"bob\")}"}`
	attack(t, "tokens", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) {
			token, err := whoami.CompileToken("data.login.token", nil)
			if err != nil {
				t.Fatal(err)
			}
			o.Headers = portal.NewHeaders([]string{"Authorization"})
			o.Asker.Headers, o.Asker.TokenHeader = o.Headers, "Authorization"
			o.Bearer = gateway.Bearer{Header: "Authorization", SignIns: []gateway.TokenSignIn{{Rule: paths{"/graphql"}, Token: token}}}
			o.Rules.SignIn = paths{"/graphql"}
		})
		w.shop.pages["/graphql"] = graphQL(w.shop, true)
		w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
			user, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer token-of-")
			if !ok {
				rw.WriteHeader(http.StatusUnauthorized)
				return nil
			}
			return json.NewEncoder(rw).Encode(map[string]string{"user": user})
		}
		for _, body := range []string{alone, both} {
			v := w.visitor()
			v.never(body, v.send("POST /graphql "+body, "Content-Type: application/json"))
		}
	})
	out := `{"query":"mutation{x: login(user:\"alice\") logout}"}`
	attack(t, "sessions", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) { o.Rules.SignIn = paths{"/graphql"} })
		w.shop.pages["/graphql"] = graphQL(w.shop, false)
		for _, body := range []string{alone, both, out} {
			v := w.visitor()
			v.never(body, v.send("POST /graphql "+body, "Content-Type: application/json"))
			time.Sleep(5 * time.Second)
		}
	})
}

// TestSeveralOperations: several mutations in one request to a declared sign-in are refused,
// wherever a portal may find them; one is not, nor are several queries.
func TestSeveralOperations(t *testing.T) {
	const two, one, queries = `mutation{a:login logout}`, `mutation{a:login{token id}}`, `{a b c}`
	multipart := func(name, value string) string {
		return "--x\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n--x--\r\n"
	}
	var zipped strings.Builder
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, `{"query":"`+two+`"}`)
	_ = z.Close()
	for name, tt := range map[string]struct {
		kind, body, query string
		refused           bool
	}{
		"JSON":                   {"application/json", `{"variables":{},"query":"` + two + `"}`, "", true},
		"JSON, another type":     {"text/x", ` {"query":"` + two + `"}`, "", true},
		"JSON, case":             {"application/json", `{"Query":"` + two + `"}`, "", true},
		"JSON, twice":            {"application/json", `{"query":"` + two + `","query":"` + one + `"}`, "", true},
		"JSON, escaped":          {"application/json", `{"query":"mut\u0061tion{a b}"}`, "", true},
		"JSON, too long":         {"application/json", `{"query":"` + strings.Repeat(" ", 40<<10) + one + `"}`, "", true},
		"JSON, gzip":             {"application/json\nContent-Encoding: gzip", zipped.String(), "", true},
		"batch":                  {"application/json", ` [{"query":"` + one + `"},{"query":"` + one + `"}]`, "", true},
		"batch, another type":    {"text/x", ` [{"query":"` + one + `"}]`, "", true},
		"form":                   {"application/x-www-form-urlencoded", "query=" + url.QueryEscape(two), "", true},
		"multipart":              {"multipart/form-data; boundary=x", multipart("query", two), "", true},
		"operations":             {"multipart/form-data; boundary=x", multipart("operations", `{"query":"`+two+`"}`), "", true},
		"operations, batch":      {"multipart/form-data; boundary=x", multipart("operations", `[{"query":"`+one+`"}]`), "", true},
		"document":               {"application/graphql", two, "", true},
		"address":                {"", "", "?query=" + url.QueryEscape(two), true},
		"address, damaged":       {"", "", "?x=1;query=%zz", true},
		"two texts":              {"application/json", `{"query":"` + one + `"}` + "\n" + `{"query":"` + one + `"}`, "", true},
		"two texts, RFC 7464":    {"application/json-seq", "\x1e{\"jsonrpc\":\"2.0\"}\n\x1e{\"jsonrpc\":\"2.0\"}", "", true},
		"two fields":             {"application/x-www-form-urlencoded", "query=" + url.QueryEscape(one) + "&query=" + url.QueryEscape(one), "", true},
		"PHP, address":           {"", "", "?0[query]=" + url.QueryEscape(one) + "&1[query]=" + url.QueryEscape(one), true},
		"PHP, escaped key":       {"application/json", `{"\u0030":{"query":"` + one + `"}}`, "", true},
		"PHP, persisted":         {"application/json", `{"0":{"queryId":"login"},"1":{"queryId":"logout"}}`, "", true},
		"PHP, blanks":            {"application/x-www-form-urlencoded", "+0%5Bquery%5D=" + url.QueryEscape(one), "", true},
		"server action":          {"multipart/form-data; boundary=x", multipart("0", `["$K1",{"query":"a"}]`), "", false},
		"server action, form":    {"multipart/form-data; boundary=x", multipart("1_query", two), "", false},
		"numbers as keys":        {"application/json", `{"0":{"user":"carol"},"1":"query","a":{"query":1}}`, "", false},
		"JSON, one":              {"application/json", `{"query":"` + one + `"}`, "", false},
		"JSON, queries":          {"application/json", `{"query":"` + queries + `","other":["` + two + `"]}`, "", false},
		"operations, one":        {"multipart/form-data; boundary=x", multipart("operations", `{"query":"`+one+`"}`), "", false},
		"address, one":           {"", "", "?query=" + url.QueryEscape(one), false},
		"form of a sign-in page": {"application/x-www-form-urlencoded", "user=carol&query=x", "", false},
	} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) { o.Rules.SignIn = paths{"/graphql"} })
			arrived := false
			w.shop.pages["/graphql"] = func(http.ResponseWriter, *http.Request) error { arrived = true; return nil }
			var headers []string
			if tt.kind != "" {
				headers = strings.Split("Content-Type: "+tt.kind, "\n")
			}
			f := w.visitor().send("POST /graphql"+tt.query+" "+tt.body, headers...)
			if arrived == tt.refused || tt.refused != (f.code() == http.StatusForbidden) {
				t.Errorf("arrived: %v, %s", arrived, f.text())
			}
		})
	}
}
