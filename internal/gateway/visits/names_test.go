package visits

import (
	"fmt"
	"strings"
	"testing"
)

// TestNames_H3: long values are sessions', of one realm, however PHP spells their names;
// short ones are not, and the names are bounded.
func TestNames_H3(t *testing.T) {
	var n Names
	id := strings.Repeat("a", 16)
	n.Learn("shop", "sid", id)
	n.Learn("shop", "sid", id)
	n.Learn("shop", "my.sid", id)
	n.Learn("shop", "lang", "fi")
	for name, want := range map[string]bool{"sid": true, "SID": true, "my_sid": true, "my.sid": true, "lang": false, "side": false} {
		if n.Takes("shop", name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	if n.Takes("mail", "sid") {
		t.Error("another realm has the name")
	}
	for i := range 2 * maxLearned {
		n.Learn("many", fmt.Sprint("name-", i), id)
	}
	if got := len(n.of("many")); got != maxLearned {
		t.Errorf("%d names", got)
	}
	if len(n.of("shop")) != 2 {
		t.Errorf("shop has %q", n.of("shop"))
	}
}
