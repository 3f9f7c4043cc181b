package templates

import (
	"fmt"
	"html/template"
	"text/template/parse"
)

// checkTemplate looks up every message that a page's templates name literally:
// {{t "id" …}}, also within pipelines and parentheses.
func (l *locales) checkTemplate(page *template.Template) error {
	for _, t := range page.Templates() {
		if t.Tree == nil {
			continue
		}
		for _, id := range namedMessages(t.Tree.Root) {
			if err := l.checkMessage(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkTexts looks up every message that Go code names.
func (l *locales) checkTexts() error {
	for _, id := range texts {
		if err := l.checkMessage(id); err != nil {
			return err
		}
	}
	return nil
}

func (l *locales) checkMessage(id string) error {
	// A count satisfies messages with plural forms, and the others ignore it.
	if _, err := l.sentence(defaultLanguage, Say(id, "Count", 2)); err != nil {
		return fmt.Errorf("%s: %w", defaultLanguage, err)
	}
	return nil
}

// namedMessages walks a template's tree for calls of t with a literal first argument.
func namedMessages(node parse.Node) []string {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		var ids []string
		for _, child := range n.Nodes {
			ids = append(ids, namedMessages(child)...)
		}
		return ids
	case *parse.ActionNode:
		return namedMessages(n.Pipe)
	case *parse.TemplateNode:
		return namedMessages(n.Pipe)
	case *parse.IfNode:
		return branchMessages(&n.BranchNode)
	case *parse.RangeNode:
		return branchMessages(&n.BranchNode)
	case *parse.WithNode:
		return branchMessages(&n.BranchNode)
	case *parse.PipeNode:
		return pipeMessages(n)
	}
	return nil
}

func branchMessages(b *parse.BranchNode) []string {
	ids := append(namedMessages(b.Pipe), namedMessages(b.List)...)
	return append(ids, namedMessages(b.ElseList)...)
}

func pipeMessages(p *parse.PipeNode) []string {
	if p == nil {
		return nil
	}
	var ids []string
	for _, command := range p.Cmds {
		for i, arg := range command.Args {
			ids = append(ids, namedMessages(arg)...)
			word, ok := arg.(*parse.IdentifierNode)
			if !ok || word.Ident != "t" || i+1 >= len(command.Args) {
				continue
			}
			if s, ok := command.Args[i+1].(*parse.StringNode); ok {
				ids = append(ids, s.Text)
			}
		}
	}
	return ids
}
