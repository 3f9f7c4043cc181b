//go:build browser && portals

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/secondgate/secondgate/test/kit/portals"
)

// editor is Node-RED's editor in a client: it keeps a token.
type editor struct {
	*client
	token string
}

func newEditor(t *testing.T, base string) *editor {
	t.Helper()
	c := newClient(t, base)
	c.get("/")
	c.header.Set("Sec-Fetch-Mode", "cors")
	c.header.Set("Sec-Fetch-Site", "same-origin")
	return &editor{client: c}
}

// signIn sends the password as the editor does, and keeps the token.
func (e *editor) signIn(u portals.User) reply {
	e.t.Helper()
	e.header.Del("Authorization")
	got := e.post("/auth/token", "client_id", "node-red-editor", "grant_type", "password", "scope", "",
		"username", u.Name, "password", u.Password)
	var answer struct {
		Token string `json:"access_token"`
	}
	if json.Unmarshal([]byte(got.body), &answer) == nil && answer.Token != "" {
		e.keep(answer.Token)
	}
	return got
}

func (e *editor) keep(token string) {
	e.token = token
	e.header.Set("Authorization", "Bearer "+token)
}

// page is a client that navigates in the same browser: without the token.
func (e *editor) page() *client {
	c := *e.client
	c.header = http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Site": {"same-origin"}}
	return &c
}

// refused reports whether the reply is the gate's to a script that owes a code.
func (r reply) refused() bool {
	return r.StatusCode == http.StatusUnauthorized && strings.Contains(r.body, `"challenge":"/two-factor/challenge"`)
}

// comms opens the editor's WebSocket and signs in within a frame.
func (e *editor) comms(token string) (answer string, status int) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), 20*time.Second)
	defer cancel()
	c, res, err := websocket.Dial(ctx, e.base+"/comms", &websocket.DialOptions{
		HTTPClient: &http.Client{Jar: e.jar}, HTTPHeader: http.Header{"Origin": {e.base}, "Sec-Fetch-Mode": {"websocket"}},
	})
	if err != nil {
		if res == nil {
			e.t.Fatal(err)
		}
		return "", res.StatusCode
	}
	defer c.CloseNow()
	if err := c.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"auth":%q}`, token)); err != nil {
		e.t.Fatal(err)
	}
	// The editor subscribes a moment later, while the gateway may still hold the token back. Node-RED
	// refuses both if they arrive in one piece.
	time.Sleep(50 * time.Millisecond)
	for _, topic := range []string{"debug", "status/#"} {
		if err := c.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"subscribe":%q}`, topic)); err != nil {
			e.t.Fatal(err)
		}
	}
	_, got, err := c.Read(ctx)
	if err != nil {
		e.t.Fatal(err)
	}
	return string(got), http.StatusSwitchingProtocols
}

// TestNodeREDByHand takes the whole journey without a browser: token, challenge, WebSocket,
// sign-out. It shows that each side door is open at the portal and shut at the gateway.
func TestNodeREDByHand(t *testing.T) {
	t.Parallel()
	portal := portals.NodeRED(t)
	g := start(t, built(t, plainBinary), "\t\tportal node-red", portal.URL)
	alice := newEditor(t, g.URL)
	if got := alice.signIn(portal.Alice); alice.token == "" {
		t.Fatalf("alice, without a second factor: %d %s", got.StatusCode, got.body)
	}
	if got := alice.get("/settings"); !strings.Contains(got.body, `"username":"alice"`) {
		t.Fatalf("her settings: %d %s", got.StatusCode, got.body)
	}
	if answer, status := alice.comms(alice.token); answer != `{"auth":"ok"}` {
		t.Errorf("her WebSocket: %d %s", status, answer)
	}
	p, _ := alice.page().setUp()

	e := newEditor(t, g.URL)
	if got := e.signIn(portals.User{Name: "alice", Password: "wrong"}); got.StatusCode != http.StatusForbidden || !strings.Contains(got.body, "invalid_grant") {
		t.Errorf("a wrong password: %d %s", got.StatusCode, got.body)
	}
	if got := e.signIn(portal.Alice); !got.refused() || strings.Contains(got.body, "access_token") {
		t.Fatalf("her password: %d %s", got.StatusCode, got.body)
	}
	if _, status := e.comms("x"); status != http.StatusUnauthorized {
		t.Errorf("the WebSocket before the code: %d", status)
	}
	if got := e.page().get("/"); !got.challenged() {
		t.Errorf("the editor's page before the code is at %s", got.at())
	}
	if got := e.page().answer(p.code()); got.at() != "/" || got.StatusCode != http.StatusOK {
		t.Fatalf("the code leads to %s: %d", got.at(), got.StatusCode)
	}
	if got := e.signIn(portal.Alice); e.token == "" {
		t.Fatalf("her password after the code: %d %s", got.StatusCode, got.body)
	}
	if got := e.get("/settings"); !strings.Contains(got.body, `"username":"alice"`) {
		t.Errorf("her settings: %d %s", got.StatusCode, got.body)
	}
	if got := e.do(http.MethodPost, "/flows", "application/json", `[{"id":"tab","type":"tab","label":"Mine"}]`); got.StatusCode != http.StatusNoContent {
		t.Errorf("deploying: %d %s", got.StatusCode, got.body)
	}
	if answer, status := e.comms(e.token); answer != `{"auth":"ok"}` {
		t.Errorf("her WebSocket: %d %s", status, answer)
	}
	sideDoors(t, portal, g)

	stolen := newEditor(t, g.URL)
	stolen.keep(e.token)
	if got := stolen.get("/settings"); !got.refused() {
		t.Errorf("her token elsewhere: %d %s", got.StatusCode, got.body)
	}
	e.post("/auth/revoke", "token", e.token)
	if got := e.get("/settings"); got.StatusCode != http.StatusUnauthorized || strings.Contains(got.body, "alice") {
		t.Errorf("after the sign-out: %d %s", got.StatusCode, got.body)
	}
	if got := e.signIn(portal.Alice); !got.refused() {
		t.Errorf("signing in again: %d %s", got.StatusCode, got.body)
	}
	bob := newEditor(t, g.URL)
	if got := bob.signIn(portal.Bob); bob.token == "" {
		t.Errorf("bob, who has no second factor: %d %s", got.StatusCode, got.body)
	}
	g.keepsQuiet(append(p.shown, p.key.Secret(), portal.Alice.Password, alice.token, e.token)...)
}

// sideDoors sends alice's token where no whoami sees it.
func sideDoors(t *testing.T, portal *portals.Portal, g *gateway) {
	t.Helper()
	direct := newEditor(t, portal.URL)
	direct.signIn(portal.Alice)
	token := direct.token
	escaped := strings.NewReplacer("+", "%2B", "=", "%3D", "/", "%2F").Replace(token)
	for _, door := range []struct{ name, method, path, kind, body string }{
		{"the query", "GET", "/settings?access_token=" + escaped, "", ""},
		{"an array in the query", "GET", "/settings?access_token[]=" + escaped, "", ""},
		{"a form", "POST", "/flows", "application/x-www-form-urlencoded", "access_token=" + escaped},
		{"JSON", "POST", "/flows", "application/json", `{"access_token":"` + token + `"}`},
		{"escaped JSON", "POST", "/flows", "application/json", `{"\u0061ccess_token":"` + token + `"}`},
	} {
		direct.header.Del("Authorization")
		if got := direct.do(door.method, door.path, door.kind, door.body); got.StatusCode == http.StatusUnauthorized && door.name != "an array in the query" {
			t.Errorf("%s is no side door of the portal: %d %s", door.name, got.StatusCode, got.body)
		}
		c := newEditor(t, g.URL)
		if got := c.do(door.method, door.path, door.kind, door.body); got.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d %s", door.name, got.StatusCode, got.body)
		}
	}
}
