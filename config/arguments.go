package config

import (
	"slices"
	"strconv"
	"strings"

	"github.com/secondgate/secondgate/internal/directive"
)

// ReadArguments reads one time. 0 is refused where it would mean the default.
func (d *Duration) ReadArguments(line directive.Line) error {
	if len(line.Args) != 1 {
		return directive.ErrArguments
	}
	v, err := ParseDuration(line.Args[0])
	if err != nil {
		return directive.Problem{Cause: err}
	}
	if v <= 0 && !line.Zero {
		return directive.Problemf("%q is out of bounds; want for example 30s, or leave it out for the default", line.Args[0])
	}
	*d = v
	return nil
}

// WriteArguments returns the time.
func (d *Duration) WriteArguments(*directive.Writer) []string { return []string{d.String()} }

// ReadArguments reads LIFE [idle IDLE].
func (s *Session) ReadArguments(line directive.Line) error {
	args := line.Args
	if len(args) != 1 && (len(args) != 3 || args[1] != "idle") {
		return directive.ErrArguments
	}
	if err := s.Life.ReadArguments(directive.Line{Args: args[:1]}); err != nil || len(args) == 1 {
		return err
	}
	return s.Idle.ReadArguments(directive.Line{Args: args[2:]})
}

// WriteArguments says the default of a life that JSON left out, because idle stands behind it.
func (s *Session) WriteArguments(*directive.Writer) []string {
	life := s.Life
	setDefault(&life, hours(12))
	if s.Idle == 0 {
		return []string{life.String()}
	}
	return []string{life.String(), "idle", s.Idle.String()}
}

// ReadArguments reads COUNT/TIME, as 30/10m.
func (r *Rate) ReadArguments(line directive.Line) error {
	if len(line.Args) != 1 {
		return directive.ErrArguments
	}
	count, per, _ := strings.Cut(line.Args[0], "/")
	n, err := strconv.Atoi(count)
	r.Count = n
	if err != nil || r.Per.ReadArguments(directive.Line{Args: []string{per}}) != nil {
		return directive.Problemf("%q is not a number in a time; want for example 30/10m", line.Args[0])
	}
	return nil
}

// WriteArguments returns COUNT/TIME.
func (r *Rate) WriteArguments(*directive.Writer) []string {
	return []string{strconv.Itoa(r.Count) + "/" + r.Per.String()}
}

// ReadArguments reads a hexadecimal colour with or without its #.
func (c *Colour) ReadArguments(line directive.Line) error {
	if len(line.Args) != 1 || line.Args[0] == "" {
		return directive.ErrArguments
	}
	*c = Colour("#" + strings.TrimPrefix(line.Args[0], "#"))
	return nil
}

// WriteArguments returns the colour without its #, which would begin a comment.
func (c *Colour) WriteArguments(*directive.Writer) []string {
	return []string{strings.TrimPrefix(string(*c), "#")}
}

// ReadArguments reads header|query NAME.
func (c *Credential) ReadArguments(line directive.Line) error {
	if len(line.Args) != 2 {
		return directive.ErrArguments
	}
	switch kind, name := line.Args[0], line.Args[1]; kind {
	case "header":
		c.Header = name
	case "query":
		c.Query = name
	default:
		return directive.Problemf("%q is not a kind of credential; want header or query", kind)
	}
	return nil
}

// WriteArguments returns header|query NAME.
func (c *Credential) WriteArguments(*directive.Writer) []string {
	if c.Header != "" {
		return []string{"header", c.Header}
	}
	return []string{"query", c.Query}
}

// ReadArguments reads SELECTOR [before|after|append] TEXT.
func (l *Link) ReadArguments(line directive.Line) error {
	switch args := line.Args; len(args) {
	case 0:
		return directive.Problemf("nothing follows it (a bare # begins a comment, so quote \"#menu\"); want: link SELECTOR [before|after|append] \"Text\"")
	case 2:
		l.Selector, l.Text = args[0], args[1]
	case 3:
		l.Selector, l.Position, l.Text = args[0], args[1], args[2]
	default:
		return directive.ErrArguments
	}
	return nil
}

// WriteArguments returns SELECTOR [before|after|append] TEXT.
func (l *Link) WriteArguments(*directive.Writer) []string {
	if l.Position != "" {
		return []string{l.Selector, l.Position, l.Text}
	}
	return []string{l.Selector, l.Text}
}

// ReadArguments reads json PATH.
func (t *Token) ReadArguments(line directive.Line) error {
	if len(line.Args) != 2 {
		return directive.ErrArguments
	}
	if line.Args[0] != "json" {
		return directive.Problemf("%q does not lead to a token; want json", line.Args[0])
	}
	t.JSON = line.Args[1]
	return nil
}

// WriteArguments returns json PATH.
func (t *Token) WriteArguments(*directive.Writer) []string { return []string{"json", t.JSON} }

// ReadArguments reads a sign, that nobody is signed in or that a sign-in failed:
// redirect GLOB | status CODE... | html SELECTOR [[ATTR] json PATH [VALUE] | regex RE] |
// json PATH [VALUE] | regex RE.
func (s *Sign) ReadArguments(line directive.Line) error {
	args, inside := splitInside(line.Args)
	if inside != nil {
		return s.readInside(args, inside)
	}
	if len(args) < 2 || len(args) > 2 && args[0] != "status" && (args[0] != "json" || len(args) > 3) {
		return directive.ErrArguments
	}
	switch value := args[1]; args[0] {
	case "redirect":
		s.Redirect = value
	case "html":
		s.HTML = value
	case "regex":
		s.Regex = value
	case "json":
		s.JSON = value
		if len(args) == 3 {
			s.Value = &args[2]
		}
	case "status":
		return s.readStatus(args[1:])
	default:
		return directive.Problemf("%q is not a sign; want redirect, status, html, json or regex", args[0])
	}
	return nil
}

func (s *Sign) readStatus(args []string) error {
	for _, arg := range args {
		code, err := strconv.Atoi(arg)
		if err != nil {
			return directive.Problemf("%q is not a status; want for example 401", arg)
		}
		s.Status = append(s.Status, code)
	}
	return nil
}

// readInside reads html SELECTOR [ATTR], and json PATH [VALUE] or regex RE.
func (s *Sign) readInside(args, inside []string) error {
	s.HTML = args[1]
	if len(args) == 3 {
		s.Attr = args[2]
	}
	if len(inside) == 3 && inside[0] == "json" {
		s.Value, inside = &inside[2], inside[:2]
	}
	return readInside(inside, &s.JSON, &s.Regex)
}

// splitInside cuts json PATH [VALUE] or regex RE off what stands before: html SELECTOR
// [ATTR].
func splitInside(args []string) (outer, inside []string) {
	for i := 2; i < min(len(args), 4); i++ {
		if args[0] == "html" && (args[i] == "json" || args[i] == "regex") {
			return args[:i], args[i:]
		}
	}
	return args, nil
}

// readInside reads json PATH or regex RE, or nothing.
func readInside(args []string, path, expression *string) error {
	switch {
	case len(args) == 0:
	case len(args) != 2:
		return directive.ErrArguments
	case args[0] == "json":
		*path = args[1]
	default:
		*expression = args[1]
	}
	return nil
}

// WriteArguments is the inverse of ReadArguments.
func (s *Sign) WriteArguments(w *directive.Writer) (args []string) {
	switch {
	case s.Redirect != "":
		return []string{"redirect", s.Redirect}
	case s.HTML != "":
		args = append([]string{"html", s.HTML}, attribute(w, s.Attr)...)
	case len(s.Status) > 0:
		args = []string{"status"}
		for _, code := range s.Status {
			args = append(args, strconv.Itoa(code))
		}
	}
	if s.JSON != "" {
		args = append(args, "json", s.JSON)
	}
	if s.Value != nil {
		args = append(args, *s.Value)
	}
	if s.Regex != "" {
		args = append(args, "regex", s.Regex)
	}
	return args
}

// attribute cannot say an attribute that has the name of a word that may stand behind it.
func attribute(w *directive.Writer, name string) []string {
	switch name {
	case "":
		return nil
	case "not", "json", "regex":
		w.Fail(name, "it would be read as the word of that name")
	}
	return []string{name}
}

// ReadArguments reads EXTRACTOR [not VALUE...], where EXTRACTOR is
// html SELECTOR [ATTR] [json PATH | regex RE] | json PATH | regex RE | header NAME.
func (e *Extractor) ReadArguments(line directive.Line) error {
	args := line.Args
	if e.HTML+e.JSON+e.Regex+e.Header != "" {
		return directive.Problemf("it is a second extractor; want one in first")
	}
	if i := slices.Index(args[min(2, len(args)):], "not") + 2; i >= 2 {
		args, e.Not = args[:i], args[i+1:]
		if len(e.Not) == 0 {
			return directive.ErrArguments
		}
	}
	args, inside := splitInside(args)
	if len(args) < 2 || len(args) > 2 && args[0] != "html" || len(args) > 3 {
		return directive.ErrArguments
	}
	switch args[0] {
	case "html":
		e.HTML = args[1]
		if len(args) == 3 {
			e.Attr = args[2]
		}
		return readInside(inside, &e.JSON, &e.Regex)
	case "json":
		e.JSON = args[1]
	case "regex":
		e.Regex = args[1]
	case "header":
		e.Header = args[1]
	default:
		return directive.Problemf("%q is not an extractor; want html, json, regex or header", args[0])
	}
	return nil
}

// WriteArguments is the inverse of ReadArguments. It cannot say a path or an expression
// inside of an element that would be read as the word before placeholders.
func (e *Extractor) WriteArguments(w *directive.Writer) (args []string) {
	if e.HTML != "" {
		args = append([]string{"html", e.HTML}, attribute(w, e.Attr)...)
		if inside := e.JSON + e.Regex; inside == "not" {
			w.Fail(inside, "it would be read as the word before placeholders")
		}
	}
	switch {
	case e.JSON != "":
		args = append(args, "json", e.JSON)
	case e.Regex != "":
		args = append(args, "regex", e.Regex)
	case e.HTML == "":
		args = []string{"header", e.Header}
	}
	if len(e.Not) > 0 {
		args = append(append(args, "not"), e.Not...)
	}
	return args
}

// ReadArguments reads URI, and an extractor unless that stands in a block.
func (f *First) ReadArguments(line directive.Line) error {
	if len(line.Args) == 0 || len(line.Args) == 1 && !line.Block {
		return directive.ErrArguments
	}
	f.URI = line.Args[0]
	if len(line.Args) == 1 {
		return nil
	}
	return f.Extract.ReadArguments(directive.Line{Args: line.Args[1:]})
}

// WriteArguments returns URI EXTRACTOR.
func (f *First) WriteArguments(w *directive.Writer) []string {
	return append([]string{f.URI}, f.Extract.WriteArguments(w)...)
}
