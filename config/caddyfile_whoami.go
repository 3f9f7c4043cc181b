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
			w.line(fmt.Sprintf("%s.anonymous.%d", path, i), "anonymous", sign.args(w, "anonymous")...)
		}
		w.extractor(path, "user", q.User)
		w.extractor(path, "name", q.Name)
		w.extractor(path, "email", q.Email)
		if q.Apart {
			w.line(path+".apart", "apart")
		}
		for _, n := range q.Normalize {
			w.line(path+"."+n, n)
		}
	})
}

func (s Sign) args(w *writer, name string) []string {
	switch {
	case s.Redirect != "":
		return []string{"redirect", s.Redirect}
	case s.HTML != "":
		return s.htmlArgs(w, name)
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

// htmlArgs are a selector, and what looks inside of what it finds.
func (s Sign) htmlArgs(w *writer, name string) []string {
	args := append([]string{"html", s.HTML}, w.attr(name, s.Attr)...)
	if s.JSON+s.Regex == "" {
		return args
	}
	s.HTML = ""
	return append(args, s.args(w, name)...)
}

// attr cannot say an attribute that has the name of a word that may stand behind it.
func (w *writer) attr(name, attr string) []string {
	switch attr {
	case "":
		return nil
	case "not", "json", "regex":
		w.fail(name, attr, "it would be read as the word of that name")
	}
	return []string{attr}
}

// inside cannot say a path or an expression that would be read as the word before
// placeholders.
func (w *writer) inside(name, what string) {
	if what == "not" {
		w.fail(name, what, "it would be read as the word before placeholders")
	}
}

func (w *writer) extractor(path, name string, e *Extractor) {
	if e != nil {
		w.line(path+"."+name, name, w.extractorArgs(name, *e)...)
	}
}

func (w *writer) extractorArgs(name string, e Extractor) (args []string) {
	switch {
	case e.HTML != "":
		args = append([]string{"html", e.HTML}, w.attr(name, e.Attr)...)
		if e.JSON+e.Regex != "" {
			w.inside(name, e.JSON+e.Regex)
			args = append(args, w.extractorArgs(name, Extractor{JSON: e.JSON, Regex: e.Regex})...)
		}
	case e.JSON != "":
		args = []string{"json", e.JSON}
	case e.Regex != "":
		args = []string{"regex", e.Regex}
	default:
		args = []string{"header", e.Header}
	}
	if len(e.Not) > 0 {
		args = append(append(args, "not"), e.Not...)
	}
	return args
}
