package whoami

import (
	"fmt"
	"strings"
	"testing"
)

// TestTangled: ordinary pages that leave elements open are read.
func TestTangled(t *testing.T) {
	links, many := "", ""
	for i := range 100 {
		links += fmt.Sprintf("<li><a href=/%d>x", i)
		many += fmt.Sprintf("<b class=c%d>", i)
	}
	few := many[:strings.Index(many, "<b class=c60>")]
	for text, want := range map[string]bool{
		"<p>" + few + strings.Repeat("<p>x", 10000):           true,
		"<p><b>" + strings.Repeat("<p>x", 10000):              false,
		strings.Repeat("<b>x</b>", 1000):                      false,
		strings.Repeat("<td><font size=2>x</td>", 100):        false,
		strings.Repeat("<tr><td><b>Name<td>x", 100):           false,
		strings.Repeat(`<i class="icon"/>`, 100):              false,
		"<script>" + many + "</script>":                       false,
		"<!--" + many + "-->":                                 false,
		links:                                                 false,
		many:                                                  true,
		"<div>" + many + "</div>" + strings.Repeat("<p>", 10): true,
	} {
		if got := tangled(text); got != want {
			t.Errorf("%.60s…: %v, want %v", text, got, want)
		}
	}
}
