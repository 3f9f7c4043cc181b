package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/secondgate/secondgate/test/kit/need"
)

// Violation is a rule of axe-core that the page breaks.
type Violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// String describes the rule and every place that breaks it.
func (v Violation) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s (%s): %s", v.ID, v.Impact, v.Help)
	for _, n := range v.Nodes {
		fmt.Fprintf(&s, "\n  %s\n    %s", n.HTML, strings.ReplaceAll(n.Summary, "\n", "\n    "))
	}
	return s.String()
}

// axeRun checks the rules of WCAG 2.0 to 2.2, levels A and AA, and axe's good practice.
const axeRun = `axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(r => r.violations)`

// axeColours checks those of these rules that look at colours.
const axeColours = `axe.run({runOnly: {type: "rule", values: ["color-contrast", "link-in-text-block"]}}).then(r => r.violations)`

// Axe checks the page for accessibility with axe-core, and its colours again in dark, and
// returns what is wrong. The script enters through the debugging protocol, which no content
// security policy forbids; it needs JavaScript on. ./test/run installs axe-core.
func (b *Browser) Axe() []Violation {
	b.t.Helper()
	source := b.axeSource()
	defer b.look(1280, "light")
	b.look(1280, "light")
	found := Evaluate[[]Violation](b, source+";"+axeRun)
	b.look(1280, "dark")
	return append(found, Evaluate[[]Violation](b, axeColours)...)
}

// CheckAxe reports what Axe finds as errors.
func (b *Browser) CheckAxe() {
	b.t.Helper()
	for _, v := range b.Axe() {
		b.t.Errorf("%s: %s", b.URL(), v)
	}
}

func (b *Browser) axeSource() string {
	b.t.Helper()
	file := filepath.Join(need.Root(b.t), "test", "out", "npm", "node_modules", "axe-core", "axe.min.js")
	source, err := os.ReadFile(file)
	if err != nil {
		need.Missing(b.t, "axe-core is not installed; ./test/run does it: "+err.Error())
	}
	return string(source)
}
