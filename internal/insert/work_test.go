package insert

import (
	"fmt"
	"strings"
	"testing"
)

func numberedAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%x", i)
	}
	return b.String()
}

// TestAttack_K5_Attributes: a tag with more attributes than any page needs is not looked at.
func TestAttack_K5_Attributes(t *testing.T) {
	tag := "<body" + numberedAttributes(26000) + ">"
	for name, page := range map[string]string{
		"16 tags":       strings.Repeat(tag, 16) + "<p id=x></p>",
		"a little more": "<body><p" + numberedAttributes(maxAttributes+1) + "><p id=x></p>",
		"in sum":        "<body" + numberedAttributes(maxAttributes) + "><body z><p id=x></p>",
		"one long tag":  "<body><p a='" + strings.Repeat("x", maxTag) + "'><p id=x></p>",
	} {
		for _, size := range []int{1000, len(page)} {
			if got, missed := through(t, page, size, Coding{}, link(t, "#x", Append)); got != page || len(missed) != 1 {
				t.Errorf("%s: %d bytes of %d; missed %q", name, len(got), len(page), missed)
			}
		}
	}
	page := "<body" + numberedAttributes(maxAttributes-1) + "><body z><p id=x></p>"
	if got, _ := through(t, page, 1000, Coding{}, link(t, "#x", Append)); !strings.HasSuffix(got, "<p id=x>"+a+"</p>") {
		t.Error("a tag with fewer attributes was given up")
	}
}
