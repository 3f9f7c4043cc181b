package portal

import "testing"

// TestUsual: what is known of headers without a look-up is what the look-up says, and
// a site that declares one of them goes by its own word.
func TestUsual(t *testing.T) {
	h := NewHeaders(nil)
	seen := 0
	for name, want := range h.classes {
		if got := usual(name); got != credential {
			seen++
			if got != want {
				t.Errorf("%s is usually %d, by the list %d", name, got, want)
			}
		}
	}
	for _, name := range []string{"Sec-Fetch-Dest", "Accept", "User-Agent", "Referer"} {
		if usual(name) == credential {
			t.Errorf("%s is not usual", name)
		}
		if got := NewHeaders([]string{name}).class(name); got != credential {
			t.Errorf("%s was declared, but is %d", name, got)
		}
	}
	if seen < 10 {
		t.Errorf("only %d usual headers are in the list", seen)
	}
}
