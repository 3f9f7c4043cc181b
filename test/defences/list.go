// Package defences lists the project's defences: for each one the change that takes it out
// of the source, and the test that must fail then. It shows that the tests can fail.
//
// The list is in list/*.txt, a line for each defence:
//
//	FILE FUNCTION | CUT | TEST | DEFENCE
//
// FUNCTION is the function, method, const, var or type that the cut changes; Type.Method
// where a file has several methods of that name, and empty where the whole file is meant.
// TEST is directory:Test if the test is not beside FILE. [Defence.Apply] explains CUT.
//
// TestListIsTrue checks that every cut applies and every test exists. TestDefences takes
// defences out and wants their tests to fail: all with
//
//	SECONDGATE_DEFENCES=all go test -timeout 3h ./test/defences
//
// so many, others for every commit, with a number, and those with a match in their line
// with a regular expression.
package defences

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Tags are the build tags that the tests of the list need, those of ./test/run.
const Tags = "browser,portals,crash"

//go:embed list/*.txt
var files embed.FS

// Defence is one line of the list.
type Defence struct {
	// Line is the text, and At its place: list/gate.txt:12.
	Line, At string
	// File is the source, from the project's root, and Function what is changed in it.
	File, Function string
	Cuts           []string
	// Package is the directory of Test.
	Package, Test string
	// Name is the defence in words.
	Name string
}

// All returns the defences of all files of the list.
func All() (all []Defence, err error) {
	names, err := fs.Glob(files, "list/*.txt")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		raw, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for i, line := range strings.Split(string(raw), "\n") {
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			d, err := Parse(line)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
			}
			d.At = fmt.Sprintf("%s:%d", name, i+1)
			all = append(all, d)
		}
	}
	return all, nil
}

// Parse reads a line. Only the cut may contain the separator.
func Parse(line string) (Defence, error) {
	parts := strings.Split(line, " | ")
	n := len(parts)
	if n < 4 {
		return Defence{}, fmt.Errorf("want FILE FUNCTION | CUT | TEST | DEFENCE, not %q", line)
	}
	d := Defence{Line: line, Name: parts[n-1], Test: parts[n-2]}
	d.File, d.Function, _ = strings.Cut(parts[0], " ")
	d.Cuts = strings.Split(strings.Join(parts[1:n-2], " | "), " ;; ")
	d.Package = path.Dir(d.File)
	if dir, test, elsewhere := strings.Cut(d.Test, ":"); elsewhere {
		d.Package, d.Test = dir, test
	}
	return d, nil
}
