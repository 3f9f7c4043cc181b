package config

import (
	"strconv"
	"strings"
)

// Notes are comments for Caddyfile, by the path of the setting that they stand above,
// written as in Error.Where: "leave", "whoami.0", "whoami.0.user",
// "whoami.0.anonymous.1", "sign_in.0.page", "throttle.free"; a header's name is the last
// part of its own, "whoami.0.header.X-Nonce". The note of "" stands
// above the whole directive. A list is written on one line, so it has one note. A note
// may have several lines; a line without a setting is not written.
type Notes map[string]string

// Caddyfile writes the settings as a two_factor directive, for a site of a
// Caddyfile: indented by one tab, behind the named matchers that it needs, with
// the notes as comments. It is the inverse of the parser in caddyplugin: reading it
// gives these settings again, with the realm "default" where none is named.
//
// It writes what is set, nothing of a preset or a default. The settings are ones that
// Resolved accepts. Few of those cannot be said in a Caddyfile, and are errors: text in
// which Caddy would put something else in place of {$NAME} or a shorthand such as
// {host}, and matchers that Secondgate does not know how to write.
func (s Site) Caddyfile(notes Notes) (string, error) {
	w := &writer{depth: 1, notes: notes}
	w.comment("")
	above := w.out.String()
	w.out.Reset()
	w.block("two_factor", nil, func() {
		w.text("realm", s.Realm)
		w.text("issuer", s.Issuer)
		w.text("path", s.Path)
		w.portal(s)
		w.identity(s)
		w.signIn(s)
		w.list("leave", s.Leave)
		w.credentials(s.Credential)
		w.exceptions(s)
		w.insertions(s)
		w.limits(s)
		w.looks(s)
		w.text("mode", s.Mode)
	})
	if w.err != nil {
		return "", w.err
	}
	return above + w.named.String() + w.out.String(), nil
}

// writer collects the lines of a directive, and those of the named matchers before it.
type writer struct {
	out, named strings.Builder
	depth      int
	notes      Notes
	err        error
	matchers   int
}

func (w *writer) indent() { w.out.WriteString(strings.Repeat("\t", w.depth)) }

// comment writes the note of the setting at path.
func (w *writer) comment(path string) {
	note := strings.TrimSpace(w.notes[path])
	if note == "" {
		return
	}
	for line := range strings.Lines(plain(note)) {
		w.indent()
		w.out.WriteString(strings.TrimSpace("# "+strings.TrimSpace(line)) + "\n")
	}
}

// plain is a note without what could end it or be replaced by Caddy.
func plain(note string) string {
	note = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(note, "?"))
	return strings.ReplaceAll(note, "{$", "{ $")
}

// line writes a subdirective with its arguments under its note.
func (w *writer) line(path, name string, args ...string) {
	w.comment(path)
	w.head(name, args)
	w.out.WriteByte('\n')
}

func (w *writer) head(name string, args []string) {
	w.indent()
	w.out.WriteString(name)
	for _, arg := range args {
		w.out.WriteString(" " + w.token(name, arg))
	}
}

// block writes a subdirective with a block; its note has been written.
func (w *writer) block(name string, args []string, body func()) {
	w.head(name, args)
	w.out.WriteString(" {\n")
	w.depth++
	body()
	w.depth--
	w.indent()
	w.out.WriteString("}\n")
}

// text writes a setting whose name is the last part of its path, unless it is empty.
func (w *writer) text(path, value string) {
	if value != "" {
		w.line(path, path[strings.LastIndexByte(path, '.')+1:], value)
	}
}

func (w *writer) list(name string, values []string) {
	if len(values) > 0 {
		w.line(name, name, values...)
	}
}

func (w *writer) number(path string, n int) {
	if n != 0 {
		w.text(path, strconv.Itoa(n))
	}
}

// optional writes a number for which 0 has a meaning of its own.
func (w *writer) optional(path string, n *int) {
	if n != nil {
		w.text(path, strconv.Itoa(*n))
	}
}

func (w *writer) duration(path string, d Duration) {
	if d != 0 {
		w.text(path, d.String())
	}
}
