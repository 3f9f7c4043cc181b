package check

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// onFiles asks whoami below the path of the second cookie, too.
const onFiles = `whoami /app/files {
apart
anonymous redirect */login
user html "#number"
}
`

// said is a line of the table and the text in it.
type said struct{ row, saw, do string }

// TestPropertiesOfSessions checks portals with and without each property that gates have failed
// on. The line about the property names it as handled.
func TestPropertiesOfSessions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		office *office
		lines  string
		says   []said
	}{
		"none": {&office{}, "", []said{
			{row: "one upstream for each visit", saw: "whoami is asked where the request goes"},
			{row: "cookies reach whoami", saw: "every cookie of the portal is for all of its paths"},
			{row: "sign-in committed in time", saw: "as soon as the response of the sign-in has ended"},
			{row: "side door session in a body", saw: "the portal has none"},
			{row: "session id in a body", saw: "refused with 403: a field sid"},
			{row: "connection dropped at the sign-in", saw: "signed the visit in at the portal, and it was asked for the code"},
			{row: "session bound to headers", saw: "none of those tried"},
		}},
		"H1: no Path": {&office{noPath: true}, "", []said{
			{row: "cookies reach whoami", saw: "handled by the gate: sid (path /app)"},
			{row: "side door other paths", saw: "at the portal itself it is open"},
		}},
		"H1: narrow path with whoami": {&office{ticket: true}, onFiles, []said{{row: "cookies reach whoami", saw: "handled by the gate: extra (path /app/files)"}}},
		"H1: narrow path left":        {&office{view: true}, "leave extra\n", []said{{row: "cookies reach whoami", saw: "every cookie of the portal is for all of its paths"}}},
		"H2: committed late": {&office{late: 400 * time.Millisecond}, "settle 500ms\n", []said{
			{row: "sign-in committed in time", saw: "handled by the gate: the portal commits a sign-in up to 500ms after its response, within `settle` (500ms)"},
		}},
		"H4: bound to the browser":  {&office{bound: "User-Agent"}, "", []said{{row: "session bound to headers", saw: "handled by the gate: the portal signs out browsers that change their User-Agent"}}},
		"H4: bound to the encoding": {&office{bound: "Accept-Encoding"}, "", []said{{row: "session bound to headers", saw: "change their Accept-Encoding"}}},
		"H3: session from a body":   {&office{body: true}, "", []said{{row: "side door session in a body", saw: "closed; at the portal itself it is open (/app/login)"}}},
		"H5: new sessions":          {&office{renews: true}, "", []said{{row: "connection dropped at the sign-in", saw: "handled by the gate"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := check(t, fmt.Sprintf(site, officeLines+c.lines, c.office.start(t)), adaAndBen)
			r.allOK(t)
			for _, s := range c.says {
				if row := rowOf(r.out, s.row); !strings.Contains(row, s.saw) {
					t.Errorf("the line %q is %q, want %q in it", s.row, row, s.saw)
				}
			}
		})
	}
}

// TestPropertiesThatAreNotHandled has the same properties with settings that do not handle them.
// The line fails and names the change.
func TestPropertiesThatAreNotHandled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		office *office
		lines  string
		says   []said
	}{
		"H1: a credential without whoami": {&office{ticket: true}, "", []said{{"cookies reach whoami", "extra (path /app/files): no whoami gets it", "add a whoami below /app/files"}}},
		"H1: no credential, not left":     {&office{view: true}, "", []said{{"cookies reach whoami", "extra (path /app/files): no whoami gets it", "`leave extra`: it signs no user in"}}},
		"H1, H5: an outlet": {&office{}, "leave sid\ntrust /public/orders\n", []said{
			{"side door other paths", "/public/orders answers 200", "out of `trust`"},
			{"connection dropped at the sign-in", "/public/orders was released without a code", "out of `trust`"},
		}},
		"H3: a session that scripts may read": {&office{body: true, script: true}, "", []said{
			{"side door session in a body", "/app/login answers 200", "`credential query NAME`"},
		}},
		"H2: committed after settle": {&office{late: 150 * time.Millisecond}, "settle 100ms\n", []said{
			{"sign-in committed in time", "up to 250ms after its response, later than `settle` (100ms)", "`settle 1.25s`"},
		}},
		"H2: committed late, and rotates": {&office{late: 150 * time.Millisecond, renews: true}, "rotates\nsettle 250ms\n", []said{
			{"sign-in committed in time", "under `rotates` the gate does not wait", "take `rotates` out"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := check(t, fmt.Sprintf(site, officeLines+c.lines, c.office.start(t)), adaAndBen)
			for _, s := range c.says {
				r.fails(t, s.row, s.saw, s.do)
			}
		})
	}
	t.Run("H3: a declared name", func(t *testing.T) {
		t.Parallel()
		r := check(t, fmt.Sprintf(site, officeLines+"credential query sid\n", (&office{body: true, script: true}).start(t)), adaAndBen)
		r.allOK(t)
		r.open(t, "side door session in a body", "/app/login")
	})
	t.Run("I9: several upstreams", func(t *testing.T) {
		t.Parallel()
		address := (&office{}).start(t)
		r := check(t, fmt.Sprintf(site, officeLines, address+" "+strings.Replace(address, "127.0.0.1", "localhost", 1)), adaAndBen)
		r.fails(t, "one upstream for each visit", "lb_policy random does not keep a visitor at one upstream", "use lb_policy client_ip_hash or cookie")
	})
}
