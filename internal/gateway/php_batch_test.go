package gateway_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_L10_BatchOfPHP: PHP makes the same array of `{"0":…,"1":…}` and of `0[query]=…` as
// of a JSON array, and GraphQL servers in PHP (webonyx/graphql-php: isset($bodyParams[0]))
// take it for a batch: two sign-ins in one request.
func TestAttack_L10_BatchOfPHP(t *testing.T) {
	one, two := `mutation{a:login}`, `mutation{logout}`
	form := "0[query]=" + url.QueryEscape(one) + "&1[query]=" + url.QueryEscape(two)
	for name, c := range map[string]struct{ kind, body string }{
		"object": {"application/json", `{"0":{"query":"` + one + `"},"1":{"query":"` + two + `"}}`},
		"form":   {"application/x-www-form-urlencoded", form},
		"multipart": {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"0[query]\"\r\n\r\n" + one +
			"\r\n--x\r\nContent-Disposition: form-data; name=\"1[query]\"\r\n\r\n" + two + "\r\n--x--\r\n"},
	} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) { o.Rules.SignIn = paths{"/graphql"} })
			arrived := false
			w.shop.pages["/graphql"] = func(http.ResponseWriter, *http.Request) error { arrived = true; return nil }
			w.visitor().send("POST /graphql "+c.body, "Content-Type: "+c.kind)
			if arrived {
				t.Error("a batch reaches the portal's sign-in")
			}
		})
	}
}
