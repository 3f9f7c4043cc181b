package whoami_test

import (
	"net/http"
	"testing"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// TestAttack_I6_HiddenToken: a response without a token at its place is released only for
// a sign that the sign-in failed. An alias in a GraphQL query moves the token elsewhere.
func TestAttack_I6_HiddenToken(t *testing.T) {
	null := "null"
	text := func(s string) *string { return &s }
	declared := map[string][]config.Sign{
		"none":     nil,
		"status":   {{Status: []int{422}}, {Status: []int{204}}},
		"json":     {{JSON: "error"}},
		"value":    {{JSON: "data", Value: &null}, {JSON: "ok", Value: text("false")}},
		"regex":    {{Regex: `^\{"errors":\[[^{}]*\]\}$`}},
		"html":     {{HTML: "p.wrong"}},
		"redirect": {{Redirect: "/login*"}},
	}
	for _, c := range []struct {
		declared, body string
		status         int
		want           bool
	}{
		{"none", `{"data":{"x":{"token":"secret"}}}`, 200, false},
		{"none", ``, 200, false},
		{"none", `{"error":"invalid_grant"}`, 400, true},
		{"none", `whatever`, 401, true},
		{"none", `{}`, 499, true},
		{"none", `{}`, 500, false},
		{"none", ``, 302, false},
		{"status", `{}`, 422, true},
		{"status", ``, 204, true},
		{"status", `{}`, 401, false}, // the default counts only where nothing is declared
		{"json", `{"error":"wrong"}`, 200, true},
		{"json", `{"data":{"x":{"token":"secret"}}}`, 200, false},
		{"json", `{"error"`, 200, false},
		{"json", `{"error":"database"}`, 503, false},
		{"value", `{"data":null,"errors":[{}]}`, 200, true},
		{"value", `{"ok":false}`, 200, true},
		{"value", `{"data":{"login":null,"x":{"token":"secret"}}}`, 200, false},
		{"regex", `{"errors":["wrong"]}`, 200, true},
		{"regex", `{"errors":["wrong"],"data":{"x":{"token":"secret"}}}`, 200, false},
		{"html", `<p class=wrong>Try again</p>`, 200, true},
		{"html", `<p>Welcome</p>`, 200, false},
		{"redirect", ``, 302, false},
	} {
		token, err := whoami.CompileToken("data.login.token", declared[c.declared])
		if err != nil {
			t.Fatal(err)
		}
		res := whoami.Response{Status: c.status, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(c.body)}
		if found, err := token.Find(res); err == nil && found != "" {
			t.Errorf("%s: found %q", c.body, found)
		}
		if got := token.Failed(res); got != c.want {
			t.Errorf("%s, %d %s: failed is %v", c.declared, c.status, c.body, got)
		}
	}
	token, err := whoami.CompileToken("token", declared["redirect"])
	if err != nil {
		t.Fatal(err)
	}
	if !token.Failed(whoami.Response{Status: 302, Header: http.Header{"Location": {"/login?wrong"}}}) {
		t.Error("a redirect to the form is no sign")
	}
	if token.Failed(whoami.Response{Status: 302, Header: http.Header{"Location": {"/login?wrong"}}, Truncated: true}) {
		t.Error("a response that was cut off shows something")
	}
	if _, err := whoami.CompileToken("token", []config.Sign{{Regex: "("}}); err == nil {
		t.Error("a sign that does not compile is accepted")
	}
}
