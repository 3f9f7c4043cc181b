package defences

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// source is a file that is changed; syntax is nil if it is not Go.
type source struct {
	text   string
	pieces []span
	syntax *ast.File
}

// span is a part of the text.
type span struct{ from, to int }

func (s span) contains(o span) bool { return s.from <= o.from && o.to <= s.to }

// spanOf is the place of a node. The first file of a file set begins at 1.
func spanOf(n ast.Node) span { return span{int(n.Pos()) - 1, int(n.End()) - 1} }

func parse(file, text string) (*source, error) {
	s := &source{text: text}
	code := text
	if strings.HasSuffix(file, ".go") {
		var err error
		s.syntax, err = parser.ParseFile(token.NewFileSet(), file, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, c := range s.syntax.Comments {
			at := spanOf(c)
			code = code[:at.from] + strings.Repeat(" ", at.to-at.from) + code[at.to:]
		}
	}
	s.pieces = split(code)
	return s, nil
}

var piece = regexp.MustCompile(`[\pL\pN_]+|[-!:<>=+|&]=|&&|\|\||\+\+|<-|\S`)

// split returns the words, operators and signs of a text, without semicolons and without
// commas before closing brackets, which in Go depend on line breaks.
func split(text string) (pieces []span) {
	for _, at := range piece.FindAllStringIndex(text, -1) {
		p := span{at[0], at[1]}
		if n := len(pieces); n > 0 && text[pieces[n-1].from] == ',' && strings.Contains(")]}", text[p.from:p.to]) {
			pieces = pieces[:n-1]
		}
		if text[p.from] != ';' {
			pieces = append(pieces, p)
		}
	}
	return pieces
}

// find returns the place of the snippet, which has to occur once in the part.
func (s *source) find(in span, snippet string) (span, error) {
	want := split(snippet)
	same := func(have, want span) bool { return s.text[have.from:have.to] == snippet[want.from:want.to] }
	var found []span
	for i := 0; len(want) > 0 && i+len(want) <= len(s.pieces); i++ {
		here := s.pieces[i : i+len(want)]
		at := span{here[0].from, here[len(here)-1].to}
		if in.contains(at) && slices.EqualFunc(here, want, same) {
			found = append(found, at)
		}
	}
	switch len(found) {
	case 0:
		return span{}, fmt.Errorf("the snippet is not there%s", s.similar(in, snippet))
	case 1:
		return found[0], nil
	}
	return span{}, fmt.Errorf("the snippet is there %d times, so make it longer%s", len(found), s.lines(found))
}

// declaration returns the part of the text that declares the name, or all without a name.
func (s *source) declaration(name string) (span, error) {
	if name == "" {
		return span{0, len(s.text)}, nil
	}
	var found []span
	var names []string
	for at, called := range s.declared {
		names = append(names, called[0])
		if called[0] == name {
			return at, nil
		}
		if slices.Contains(called, name) {
			found = append(found, at)
		}
	}
	switch len(found) {
	case 0:
		return span{}, fmt.Errorf("no %s is declared here, but in [%s]; here are %s", name, strings.Join(declaring(name), " "), strings.Join(names, ", "))
	case 1:
		return found[0], nil
	}
	return span{}, fmt.Errorf("%s is declared %d times, so write Type.%s", name, len(found), name)
}

// declared yields the declarations with their names: a method has a long and a short one.
func (s *source) declared(yield func(span, []string) bool) {
	if s.syntax == nil {
		return
	}
	for _, decl := range s.syntax.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			names := []string{d.Name.Name}
			if d.Recv != nil {
				names = []string{receiver(d) + "." + d.Name.Name, d.Name.Name}
			}
			if !yield(spanOf(d), names) {
				return
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if !yield(spanOf(spec), specNames(spec)) {
					return
				}
			}
		}
	}
}

func receiver(f *ast.FuncDecl) (name string) {
	ast.Inspect(f.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return true
	})
	return name
}

func specNames(spec ast.Spec) (names []string) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		return []string{s.Name.Name}
	case *ast.ValueSpec:
		for _, n := range s.Names {
			names = append(names, n.Name)
		}
		return names
	}
	return []string{"import"}
}
