package config

import (
	"strconv"
	"strings"

	"github.com/secondgate/secondgate/internal/directive"
)

// ReadArguments reads one duration. It refuses 0, which would mean the default, unless the row
// allows it (line.Zero).
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

// WriteArguments returns the duration.
func (d *Duration) WriteArguments(*directive.Writer) []string { return []string{d.String()} }

// ReadArguments reads COUNT/TIME, such as 30/10m.
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

// ReadArguments reads URI and an extractor. The extractor may be in a block instead.
func (f *First) ReadArguments(line directive.Line) error {
	if len(line.Args) == 0 || len(line.Args) == 1 && !line.Block {
		return directive.ErrArguments
	}
	f.URI = line.Args[0]
	if len(line.Args) == 1 {
		return nil
	}
	return directive.Read(&f.Extract, line.Args[1:])
}

// WriteArguments returns URI EXTRACTOR.
func (f *First) WriteArguments(w *directive.Writer) []string {
	return append([]string{f.URI}, w.Words(&f.Extract)...)
}

// Forms implements [directive.Formed], as do the methods below.
func (Session) Forms() []string { return []string{"<Life>", "<Life> idle <Idle>"} }

// Forms are those of a line.
func (Credential) Forms() []string { return []string{"header <Header>", "query <Query>"} }

// Forms are those of a line.
func (Link) Forms() []string { return []string{"<Selector> <Text>", "<Selector> <Position> <Text>"} }

// Forms are those of a line.
func (Token) Forms() []string { return []string{"json <JSON>"} }

// Forms are those of a line.
func (Sign) Forms() []string {
	return []string{
		"redirect <Redirect>", "status <Status...>", "html <HTML>", "json <JSON>", "json <JSON> <Value>", "regex <Regex>",
		"html <HTML> json <JSON>", "html <HTML> json <JSON> <Value>", "html <HTML> regex <Regex>",
		"html <HTML> <Attr> json <JSON>", "html <HTML> <Attr> json <JSON> <Value>", "html <HTML> <Attr> regex <Regex>",
	}
}

// Forms are those of a line.
func (Extractor) Forms() (forms []string) {
	for _, form := range []string{
		"html <HTML>", "html <HTML> <Attr>", "json <JSON>", "regex <Regex>", "header <Header>",
		"html <HTML> json <JSON>", "html <HTML> regex <Regex>", "html <HTML> <Attr> json <JSON>", "html <HTML> <Attr> regex <Regex>",
	} {
		forms = append(forms, form, form+" not <Not...>")
	}
	return forms
}
