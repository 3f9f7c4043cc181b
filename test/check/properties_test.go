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

// TestPropertiesOfSessions has portals with and without each property that gates have
// stumbled over, and wants to see it named in the line that is about it, as handled.
func TestPropertiesOfSessions(t *testing.T) {
	for name, c := range map[string]struct {
		office   *office
		lines    string
		row, saw string
	}{
		"Path=/":                       {&office{}, "", "cookies reach whoami", "every cookie of the portal is for all of its paths"},
		"H1: no Path":                  {&office{noPath: true}, "", "cookies reach whoami", "handled by the gate: sid (path /app)"},
		"H1: narrow path with whoami":  {&office{ticket: true}, onFiles, "cookies reach whoami", "handled by the gate: extra (path /app/files)"},
		"H1: narrow path left":         {&office{view: true}, "leave extra\n", "cookies reach whoami", "every cookie of the portal is for all of its paths"},
		"H1: other spellings":          {&office{noPath: true}, "", "side door other paths", "at the portal it is open"},
		"H2: committed at once":        {&office{}, "", "sign-in committed in time", "as soon as the response of the sign-in has ended"},
		"H2: committed late":           {&office{late: 400 * time.Millisecond}, "", "sign-in committed in time", "handled by the gate: the portal commits a sign-in up to 500ms after its response, within `settle` (2s)"},
		"H3: session from cookie only": {&office{}, "", "side door session in a body", "the portal has none"},
		"H3: ids in a body":            {&office{}, "", "session id in a body", "refused with 403: a field sid"},
		"H4: bound to no header":       {&office{}, "", "session bound to headers", "none of those tried"},
		"H4: bound to the browser":     {&office{bound: "User-Agent"}, "", "session bound to headers", "handled by the gate: the portal signs out who sends another User-Agent"},
		"H4: bound to the encoding":    {&office{bound: "Accept-Encoding"}, "", "session bound to headers", "another Accept-Encoding"},
		"H4: bound to the page before": {&office{bound: "Accept-Charset"}, "", "session bound to headers", "another Accept-Charset"},
		"H5: signs in who has left":    {&office{}, "", "connection dropped at the sign-in", "signed the visit in at the portal, and it was asked for the code"},
		"H5: new sessions":             {&office{renews: true}, "", "connection dropped at the sign-in", "handled by the gate"},
		"I9: one upstream":             {&office{}, "", "one upstream for each visit", "whoami is asked where the request goes"},
	} {
		t.Run(name, func(t *testing.T) {
			r := check(t, fmt.Sprintf(site, officeLines+c.lines, c.office.start(t)), adaAndBen)
			r.allOK(t)
			if row := rowOf(r.out, c.row); !strings.Contains(row, c.saw) {
				t.Errorf("the line %q is %q, want %q in it", c.row, row, c.saw)
			}
		})
	}
}

// TestPropertiesThatAreNotHandled has the same properties and settings that don't do for
// them: the line fails, and says what to change.
func TestPropertiesThatAreNotHandled(t *testing.T) {
	const open = "leave sid\ntrust /public/orders\n"
	for name, c := range map[string]struct {
		office           *office
		lines            string
		row, saw, remedy string
	}{
		"H1: a credential without whoami":  {&office{ticket: true}, "", "cookies reach whoami", "extra (path /app/files): no whoami gets it", "add a whoami below /app/files"},
		"H1: no credential, not left":      {&office{view: true}, "", "cookies reach whoami", "extra (path /app/files): no whoami gets it", "`leave extra`: it signs nobody in"},
		"H1: other spellings on an outlet": {&office{}, open, "side door other paths", "/public/orders answers 200", "out of `trust`"},
		"H2: committed after settle":       {&office{late: 700 * time.Millisecond}, "settle 200ms\n", "sign-in committed in time", "up to 1s after its response, later than `settle` (200ms)", "`settle 2s`"},
		"H2: committed late, and rotates":  {&office{late: 300 * time.Millisecond, renews: true}, "rotates\n", "sign-in committed in time", "under `rotates` the gate does not wait", "take `rotates` out"},
		"H3: session from a body":          {&office{body: true}, "", "side door session in a body", "/app/login answers 200", "`credential query NAME`"},
		"H5: signs in who has left":        {&office{}, open, "connection dropped at the sign-in", "/public/orders was released without a code", "out of `trust`"},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, fmt.Sprintf(site, officeLines+c.lines, c.office.start(t)), adaAndBen).fails(t, c.row, c.saw, c.remedy)
		})
	}
	t.Run("H3: the remedy", func(t *testing.T) {
		r := check(t, fmt.Sprintf(site, officeLines+"credential query sid\n", (&office{body: true}).start(t)), adaAndBen)
		r.allOK(t)
		r.open(t, "side door session in a body", "/app/login")
	})
	t.Run("I9: several upstreams", func(t *testing.T) {
		address := (&office{}).start(t)
		r := check(t, fmt.Sprintf(site, officeLines, address+" "+strings.Replace(address, "127.0.0.1", "localhost", 1)), adaAndBen)
		r.fails(t, "one upstream for each visit", "lb_policy random does not keep a visitor at one upstream", "use lb_policy client_ip_hash or cookie")
	})
}
