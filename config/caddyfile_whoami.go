package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

func (w *writer) identity(s Site) {
	w.text("user", s.User)
	for i, q := range s.Whoami {
		w.whoami("whoami."+strconv.Itoa(i), q)
	}
}

func (w *writer) whoami(path string, q Whoami) {
	w.comment(path)
	w.block("whoami", []string{q.URI}, func() {
		if q.First != nil {
			w.line(path+".first", "first", append([]string{q.First.URI}, w.extractorArgs("first", q.First.Extract)...)...)
		}
		for _, name := range slices.Sorted(maps.Keys(q.Header)) {
			w.line(path+".header."+name, "header", name, q.Header[name])
		}
		for i, sign := range q.Anonymous {
			w.line(fmt.Sprintf("%s.anonymous.%d", path, i), "anonymous", sign.args()...)
		}
		w.extractor(path, "user", q.User)
		w.extractor(path, "name", q.Name)
		w.extractor(path, "email", q.Email)
		for _, n := range q.Normalize {
			w.line(path+"."+n, n)
		}
	})
}

func (s Sign) args() []string {
	switch {
	case s.Redirect != "":
		return []string{"redirect", s.Redirect}
	case s.HTML != "":
		return []string{"html", s.HTML}
	case s.JSON != "" && s.Value != nil:
		return []string{"json", s.JSON, *s.Value}
	case s.JSON != "":
		return []string{"json", s.JSON}
	case s.Regex != "":
		return []string{"regex", s.Regex}
	}
	args := []string{"status"}
	for _, code := range s.Status {
		args = append(args, strconv.Itoa(code))
	}
	return args
}

func (w *writer) extractor(path, name string, e *Extractor) {
	if e != nil {
		w.line(path+"."+name, name, w.extractorArgs(name, *e)...)
	}
}

// extractorArgs cannot say an attribute that has the name of the word behind it.
func (w *writer) extractorArgs(name string, e Extractor) (args []string) {
	switch {
	case e.HTML != "":
		args = []string{"html", e.HTML}
	case e.JSON != "":
		args = []string{"json", e.JSON}
	case e.Regex != "":
		args = []string{"regex", e.Regex}
	default:
		args = []string{"header", e.Header}
	}
	if e.Attr == "not" {
		w.fail(name, e.Attr, "it would be read as the word before placeholders")
	}
	if e.Attr != "" {
		args = append(args, e.Attr)
	}
	if len(e.Not) > 0 {
		args = append(append(args, "not"), e.Not...)
	}
	return args
}
