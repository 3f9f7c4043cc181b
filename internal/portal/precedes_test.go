package portal

import "testing"

// TestJar_Precedes: a change goes to a browser that has the cookie which it replaces; a new
// cookie to one that has all that there were.
func TestJar_Precedes(t *testing.T) {
	set := func(name, value string) Change {
		return Change{Cookie: Cookie{Name: name, Value: value, Path: "/"}, Class: Sealed}
	}
	jar := func(changes ...Change) *Jar { return EmptyJar.Apply(changes) }
	had := jar(set("SID", "1"), set("LANG", "de"))
	for _, tt := range []struct {
		name string
		sent *Jar
		ch   Change
		want bool
	}{
		{"the same", had, set("SID", "2"), true},
		{"the cookie alone", jar(set("SID", "1")), set("SID", "2"), true},
		{"another value", jar(set("SID", "0"), set("LANG", "de")), set("SID", "2"), false},
		{"nothing", EmptyJar, set("SID", "2"), false},
		{"new", had, set("REMEMBER", "1"), true},
		{"new, half of them", jar(set("LANG", "de")), set("REMEMBER", "1"), false},
		{"new, there meanwhile", jar(set("SID", "1"), set("LANG", "de"), set("REMEMBER", "0")), set("REMEMBER", "1"), false},
		{"new, another session", jar(set("SID", "0"), set("LANG", "de")), set("REMEMBER", "1"), false},
	} {
		if got := had.Precedes(tt.sent, tt.ch); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
