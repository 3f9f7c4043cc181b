package visits

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/portal"
)

// TestNames_H3: long values are sessions', of one realm, however PHP spells their names;
// short ones, what a visitor typed and what scripts read are not, and the names are bounded.
func TestNames_H3(t *testing.T) {
	var n Names
	id := strings.Repeat("a", 16)
	learn := func(realm, name, value string, httpOnly bool) {
		n.Learn(realm, &portal.Cookie{Name: name, Value: value, HTTPOnly: httpOnly}, func(value string) bool { return value == "chosen-by-a-visitor" })
	}
	learn("shop", "typed", "somebody@mail.example", true)
	learn("shop", "script", id, false)
	learn("shop", "theme", "chosen-by-a-visitor", true)
	learn("shop", "sid", id, true)
	learn("shop", "sid", id, true)
	learn("shop", "my.sid", id, true)
	learn("shop", "lang", "fi", true)
	for name, want := range map[string]bool{"sid": true, "SID": true, "my_sid": true, "my.sid": true, "lang": false, "typed": false, "script": false, "theme": false, "side": false} {
		if n.Takes("shop", name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	if n.Takes("mail", "sid") {
		t.Error("another realm has the name")
	}
	for i := range 2 * maxLearned {
		learn("many", fmt.Sprint("name-", i), id, true)
	}
	if got := len(n.of("many")); got != maxLearned {
		t.Errorf("%d names", got)
	}
	if len(n.of("shop")) != 2 {
		t.Errorf("shop has %q", n.of("shop"))
	}
}
