package defences

import (
	"fmt"
	"go/ast"
	"strings"
)

// Apply returns source, the text of d.File, without the defence. A cut is one of
//
//	SNIPPET => REPLACEMENT   the snippet is replaced
//	cut SNIPPET              the snippet is removed
//	drop SNIPPET             the innermost statement or case around it is removed
//	false SNIPPET            the innermost condition around it, of if, for or case, is false
//	true SNIPPET             that condition is true
//
// and " ;; " separates several. A snippet is source that occurs once in the function. White
// space, comments, semicolons and commas before closing brackets don't count.
func (d Defence) Apply(source string) (string, error) {
	for _, c := range d.Cuts {
		changed, err := d.apply(source, c)
		if err != nil {
			return "", fmt.Errorf("%q: %w", c, err)
		}
		if changed == source {
			return "", fmt.Errorf("%q changes nothing", c)
		}
		source = changed
	}
	return source, nil
}

func (d Defence) apply(text, c string) (string, error) {
	snippet, replacement, replaces := strings.Cut(c, " => ")
	verb := ""
	if !replaces {
		verb, snippet, _ = strings.Cut(c, " ")
	}
	s, err := parse(d.File, text)
	if err != nil {
		return "", err
	}
	in, err := s.declaration(d.Function)
	if err != nil {
		return "", err
	}
	at, err := s.find(in, snippet)
	if err != nil {
		return "", err
	}
	switch verb {
	case "", "cut":
	case "drop":
		at, err = s.innermost(at, statements)
	case "false", "true":
		replacement = verb
		at, err = s.innermost(at, conditions)
	default:
		err = fmt.Errorf("want SNIPPET => REPLACEMENT, cut, drop, false or true")
	}
	if err != nil {
		return "", err
	}
	return text[:at.from] + replacement + text[at.to:], nil
}

// innermost returns the smallest of the nodes of a kind that contain the part.
func (s *source) innermost(at span, kind func(ast.Node) []ast.Node) (span, error) {
	found := span{-1, len(s.text) + 1}
	if s.syntax != nil {
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			for _, c := range kind(n) {
				if here := spanOf(c); here.contains(at) && found.contains(here) {
					found = here
				}
			}
			return n != nil
		})
	}
	if found.from < 0 {
		return span{}, fmt.Errorf("the snippet is in no statement or condition that can be cut")
	}
	return found, nil
}

// statements are those of a node's list, and the node if it is a case.
func statements(n ast.Node) (all []ast.Node) {
	var list []ast.Stmt
	switch n := n.(type) {
	case *ast.BlockStmt:
		list = n.List
	case *ast.CaseClause:
		list = append([]ast.Stmt{n}, n.Body...)
	case *ast.CommClause:
		list = append([]ast.Stmt{n}, n.Body...)
	}
	for _, s := range list {
		all = append(all, s)
	}
	return all
}

func conditions(n ast.Node) []ast.Node {
	switch n := n.(type) {
	case *ast.IfStmt:
		return []ast.Node{n.Cond}
	case *ast.ForStmt:
		if n.Cond != nil {
			return []ast.Node{n.Cond}
		}
	case *ast.CaseClause:
		if len(n.List) == 1 {
			return []ast.Node{n.List[0]}
		}
	}
	return nil
}
