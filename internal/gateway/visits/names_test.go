package visits

import (
	"fmt"
	"strings"
	"testing"
	"time"

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
		if _, takes := n.Takes("shop", name); takes != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	if _, takes := n.Takes("mail", "sid"); takes {
		t.Error("another realm has the name")
	}
	for i := range 2 * maxLearned {
		learn("many", fmt.Sprint("name-", i), id, true)
	}
	if got := len(n.of("many")); got != maxLearned {
		t.Errorf("%d names", got)
	}
	if len(n.of("shop")) != 2 {
		t.Errorf("shop has %v", n.of("shop"))
	}
}

// TestNames_Form: a form is what all values have that the portal made, under all spellings of
// the name. A value that a visitor chose does not change it.
func TestNames_Form(t *testing.T) {
	var n Names
	noon := time.Unix(1_800_000_000, 0)
	learn := func(name, value string, life time.Duration, sent bool) {
		c := portal.Cookie{Name: name, Value: value, HTTPOnly: true, Sealed: noon}
		if life != 0 {
			c.Expires = noon.Add(life)
		}
		n.Learn("shop", &c, func(string) bool { return sent })
	}
	want := func(what string, want Form) {
		t.Helper()
		if got, takes := n.Takes("shop", "my_sid"); got != want || !takes {
			t.Errorf("%s: %+v, %v", what, got, takes)
		}
	}
	const encoded, id = "eyJhbGciOiJIUzI1NiJ9.eyJ1IjoxfQ.c2ln", "0123456789abcdef"
	learn("my.sid", encoded, 48*time.Hour, false)
	learn("my.sid", id, 0, true)
	want("encoded", Form{Encoded: true, Lasting: true})
	learn("my.sid", encoded, time.Hour, false)
	want("not lasting", Form{Encoded: true})
	learn("my_sid", id, 48*time.Hour, false)
	want("two spellings", Form{})
	learn("my_sid", encoded, 48*time.Hour, false)
	want("never again", Form{})
}
