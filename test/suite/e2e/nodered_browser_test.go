//go:build browser && portals

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/browser"
	"github.com/secondgate/secondgate/test/kit/portals"
)

// flows are a flow that sends a message to the debug pane every second. The pane receives it
// through the editor's WebSocket.
const flows = `RED.nodes.import([
	{id: "tab", type: "tab", label: "Heartbeat"},
	{id: "beat", type: "inject", z: "tab", props: [{p: "payload"}], repeat: "1", once: true, onceDelay: "0.1", payload: "beating", payloadType: "str", x: 120, y: 80, wires: [["pane"]]},
	{id: "pane", type: "debug", z: "tab", active: true, tosidebar: true, complete: "payload", targetType: "msg", x: 320, y: 80, wires: []}
], {generateIds: true}), RED.nodes.dirty(true), true`

// red is Node-RED's editor in a browser.
type red struct {
	*browser.Browser
	t *testing.T
	g *gateway
}

func (r *red) await(what, condition string) {
	r.t.Helper()
	for limit := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if browser.Evaluate[bool](r.Browser, "!!("+condition+")") {
			return
		}
		if time.Now().After(limit) {
			r.t.Fatalf("%s does not come; the browser is at %s and shows\n%s", what, r.URL(), r.Text("body"))
		}
	}
}

// submit fills in the editor's own form.
func (r *red) submit(name, password string) {
	r.t.Helper()
	r.Type("#node-dialog-login-username", name)
	r.Type("#node-dialog-login-password", password)
	r.Click("#node-dialog-login-submit")
}

// inside waits until the editor has loaded for the user.
func (r *red) inside(name string) {
	r.t.Helper()
	r.await("the editor", `window.RED && RED.settings && RED.settings.user && RED.settings.user.username === "`+name+`" &&
		RED.nodes.getType("debug") && !$("#red-ui-loading-progress").is(":visible") && !document.querySelector("#node-dialog-login-username")`)
}

// TestNodeRED is a customer's journey in a real browser: without a second factor, setting one up,
// and being asked for it in an editor without any support for Secondgate.
func TestNodeRED(t *testing.T) {
	t.Parallel()
	portal := portals.NodeRED(t)
	g := start(t, built(t, plainBinary), "\t\tportal node-red\n\t\tassist", portal.URL)
	r := &red{browser.Start(t), t, g}
	alice := portal.Alice

	r.Open(g.URL + "/")
	r.submit(alice.Name, alice.Password)
	r.inside("alice")
	r.Open(g.URL + "/two-factor/")
	p, _ := setUp(t, r.Browser, func(string) {})
	r.Open(g.URL + "/")
	r.inside("alice") // the code of the set-up is this visit's
	r.signOut()

	r.submit(alice.Name, alice.Password)
	r.await("the challenge", `location.pathname === "/two-factor/challenge"`)
	r.Screenshot("nodered-challenge")
	answer(r.Browser, p.code())
	if at, _, _ := strings.Cut(r.URL(), "#"); at != g.URL+"/" {
		t.Fatalf("the code leads to %s", r.URL())
	}
	r.submit(alice.Name, alice.Password)
	r.inside("alice")
	r.deploy()
	r.Screenshot("nodered-editor")
	r.signOut()
	r.submit(alice.Name, alice.Password)
	r.await("the challenge after the sign-out", `location.pathname === "/two-factor/challenge"`)
	g.keepsQuiet(append(p.shown, p.key.Secret(), alice.Password)...)
}

// signOut signs out by the editor's menu; the page loads again then.
func (r *red) signOut() {
	r.t.Helper()
	r.await("the user menu", `document.querySelector("#red-ui-header-button-user")`)
	r.Click("#red-ui-header-button-user")
	r.Click("#usermenu-item-logout")
	r.await("the sign-in form", `document.querySelector("#node-dialog-login-username")`)
}

// deploy sends flows to the server and waits for their messages.
func (r *red) deploy() {
	r.t.Helper()
	browser.Evaluate[bool](r.Browser, flows)
	r.await("the button that deploys", `document.querySelector("#red-ui-header-button-deploy:not(.disabled)")`)
	// By script: what the editor shows for a moment after its start may cover the button.
	browser.Evaluate[bool](r.Browser, `document.querySelector("#red-ui-header-button-deploy").click(), true`)
	r.await("the deployment", `!RED.nodes.dirty()`)
	browser.Evaluate[bool](r.Browser, `RED.sidebar.show("debug"), true`)
	r.await("a message in the debug pane", `document.querySelector(".red-ui-debug-msg")`)
}
