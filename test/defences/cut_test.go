package defences

import (
	"strings"
	"testing"
)

const example = `package p

func (a A) f(x int) error {
	if err := g(x,
		2, // two
	); err != nil {
		return err
	}
	switch {
	case x == 1:
		return nil
	}
	g(x, 3)
	return nil
}

func (b B) f() { g(1, 2); h("a path") }
`

// TestApply: a cut makes the described change, and the error of a line that does not apply says
// what to do.
func TestApply(t *testing.T) {
	for line, want := range map[string]string{
		"f.go B.f | g(1 => g(2":               `{ g(2, 2); h("a path") }`,
		"f.go B.f | cut path":                 `{ g(1, 2); h("a ") }`,
		"f.go B.f | drop g ;; drop h":         `{ ;  }`,
		"f.go A.f | true err != nil":          "); true {\n\t\treturn err",
		"f.go A.f | false x == 1":             "case false:\n\t\treturn nil",
		"f.go A.f | drop g(x, 2)":             "error {\n\t\n\tswitch",
		"f.go A.f | drop g(x, 3)":             "\n\t}\n\t\n\treturn nil",
		"f.go A.f | drop x == 1":              "switch {\n\t\n\t}",
		"f.go A.f | 2); err => 3); err":       "if err := g(x,\n\t\t3); err != nil",
		"f.go g | cut g":                      "no g is declared here, but in [",
		"f.go f | cut g":                      "f is declared 2 times, so write Type.f",
		"f.go A.f | cut g(x, 4)":              "is not there\n  line ",
		"f.go A.f | cut g(x":                  "there 2 times, so make it longer\n  line 4: if err := g(x,\n  line 13: g(x, 3)",
		"f.go A.f | true g(x, 3)":             "in no statement or condition",
		"f.go A.f | g(x, 3)":                  "want SNIPPET => REPLACEMENT",
		"f.go A.f | g(x, 3) => g(x, 3)":       "changes nothing",
		`f.go | import "fmt" => import "os"`:  "is not there",
		"f.txt | B) f() => B) k()":            "func (b B) k() { g(1",
		"f.go B.f | g(1, 2) => g(1 | 2, 2)":   `{ g(1 | 2, 2); h("a path") }`,
		"f.go B.f | h(\"a path\") => h(\"\")": `{ g(1, 2); h("") }`,
	} {
		d, err := Parse(line + " | TestF | name")
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Apply(example)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s:\n%s\nwant %q", line, got, want)
		}
	}
}

// TestParse: without a directory in the line, the test is in the directory of FILE.
func TestParse(t *testing.T) {
	d, err := Parse("a/b.go f | x | y => z | c/d:TestX | name")
	if err != nil || d.Package != "c/d" || d.Test != "TestX" || d.Cuts[0] != "x | y => z" || d.Function != "f" {
		t.Errorf("%+v %v", d, err)
	}
	if _, err := Parse("a/b.go f | cut x | TestX"); err == nil {
		t.Error("a line without a part is read")
	}
}
