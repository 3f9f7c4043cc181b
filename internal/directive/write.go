package directive

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Notes are comments for [Write]. Each is written above the setting with its path, which has the
// form of [Error].Where: "leave", "whoami.0", "whoami.0.user", "whoami.0.anonymous.1",
// "sign_in.0.page", "throttle.free". For entries of a map, the path ends with the key:
// "whoami.0.header.X-Nonce". The note with the path "" is written above the whole directive. A
// list on one line has one note. A note may have several lines. Notes for settings that are not
// written are left out.
type Notes map[string]string

// Write returns settings, a pointer to a struct, as a directive for a site block of a
// Caddyfile, indented by one tab: first the named matchers that the directive needs, then the
// directive with the notes as comments. Reading it gives the same settings. Settings that are
// not set are not written.
func Write(name string, rows Rows, settings any, notes Notes) (string, error) {
	w := &Writer{depth: 1, notes: notes}
	w.comment("")
	above := string(w.out)
	body := w.inside(func() { w.rows(rows, "", reflect.ValueOf(settings).Elem()) })
	if w.err != nil {
		return "", w.err
	}
	return above + string(w.named) + "\t" + name + " {\n" + string(body) + "\t}\n", nil
}

// Writer collects the lines of a directive (out), and those of the named matchers before it
// (named).
type Writer struct {
	out, named []byte
	// depth is the number of tabs before a line.
	depth int
	notes Notes
	// name is the name of the current subdirective.
	name string
	err  error
	// matchers counts the named matchers.
	matchers int
}

// comment writes the note of the setting at path.
func (w *Writer) comment(path string) {
	note := strings.TrimSpace(w.notes[path])
	if note == "" {
		return
	}
	for line := range strings.Lines(plain(note)) {
		w.indent()
		w.out = append(w.out, strings.TrimSpace("# "+strings.TrimSpace(line))+"\n"...)
	}
}

// plain returns a note without characters that would end the comment, and without {$NAME},
// which Caddy would replace.
func plain(note string) string {
	note = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(note, "?"))
	return strings.ReplaceAll(note, "{$", "{ $")
}

func (w *Writer) indent() { w.out = append(w.out, strings.Repeat("\t", w.depth)...) }

func (w *Writer) head(name string, args []string) {
	w.indent()
	w.out = append(w.out, name...)
	for _, arg := range args {
		w.out = append(w.out, " "+w.token(arg)...)
	}
}

// Line writes a line of the current block or named matcher.
func (w *Writer) Line(name string, args ...string) {
	w.head(name, args)
	w.out = append(w.out, '\n')
}

// Block writes a line with a block. body writes the lines in the block.
func (w *Writer) Block(name string, body func()) {
	inner := w.inside(body)
	w.Line(name + " {")
	w.out = append(w.out, inner...)
	w.Line("}")
}

// inside calls write one level deeper, and returns the lines that it writes.
func (w *Writer) inside(write func()) []byte {
	outer := w.out
	w.out = nil
	w.depth++
	write()
	w.depth--
	inner := w.out
	w.out = outer
	return inner
}

// Matcher writes a named matcher before the directive, with the lines that body writes, and
// returns its name. Names begin with @two_factor_, which operators are unlikely to use.
func (w *Writer) Matcher(body func()) string {
	w.matchers++
	name := "@two_factor_" + w.name
	if w.matchers > 1 {
		name += strconv.Itoa(w.matchers)
	}
	outer, depth := w.out, w.depth
	w.out, w.depth = nil, 2
	body()
	inner := string(w.out)
	w.out, w.depth = outer, depth
	if strings.Count(inner, "\n") == 1 {
		w.named = append(w.named, "\t"+name+" "+strings.TrimLeft(inner, "\t")...)
	} else {
		w.named = append(w.named, "\t"+name+" {\n"+inner+"\t}\n"...)
	}
	return name
}

// rows writes the subdirectives of a block for the fields that are set.
func (w *Writer) rows(rows Rows, path string, block reflect.Value) {
	words := ""
	for _, r := range rows {
		v := r.field(block)
		w.name = r.Name()
		switch {
		case r.Word && words == r.Field || !isSet(v):
		case r.Word:
			words = r.Field
			w.words(path, v)
		case ofStructs(v):
			for i := range v.Len() {
				w.name = r.Name()
				w.row(r, Join(path, r.Name())+"."+strconv.Itoa(i), v.Index(i), block)
			}
		case v.Kind() == reflect.Map:
			w.entries(r, Join(path, r.Name()), v)
		default:
			w.row(r, Join(path, r.Name()), v, block)
		}
	}
}

// isSet reports whether a field has to be written. A *bool that is false counts as not set: a
// flag can only be switched on in a Caddyfile.
func isSet(v reflect.Value) bool {
	switch {
	case v.Kind() == reflect.Slice || v.Kind() == reflect.Map:
		return v.Len() > 0
	case v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Bool:
		return !v.IsNil() && v.Elem().Bool()
	}
	return !v.IsZero()
}

// words writes each element of a list as a subdirective; see Row.Word.
func (w *Writer) words(path string, v reflect.Value) {
	for i := range v.Len() {
		name := v.Index(i).String()
		w.comment(Join(path, name))
		w.Line(name)
	}
}

// entries writes a line for each entry of a map, sorted by key.
func (w *Writer) entries(r Row, path string, v reflect.Value) {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		args := []string{key.String()}
		if value := v.MapIndex(key); value.Kind() == reflect.String {
			args = append(args, value.String())
		} else {
			args = append(args, value.Interface().([]string)...)
		}
		w.comment(path + "." + key.String())
		w.Line(r.Name(), args...)
	}
}

// row writes one subdirective, with its block if that has settings.
func (w *Writer) row(r Row, path string, v, block reflect.Value) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	args, complete := w.args(r, v)
	w.comment(path)
	var inner []byte
	switch {
	case complete || len(r.Block) == 0:
	case v.Kind() == reflect.Struct:
		inner = w.inside(func() { w.rows(r.Block, path, v) })
	default:
		inner = w.inside(func() { w.rows(r.Block, strings.TrimSuffix(strings.TrimSuffix(path, r.Name()), "."), block) })
	}
	if w.name = r.Name(); inner == nil && (len(r.Block) == 0 || len(args) > 0) {
		w.Line(r.Name(), args...)
		return
	}
	w.head(r.Name(), args)
	w.out = append(w.out, " {\n"...)
	w.out = append(w.out, inner...)
	w.Line("}")
}

// args returns the arguments of a line. complete is true if they contain the whole value, so
// that no block has to be written.
func (w *Writer) args(r Row, v reflect.Value) (args []string, complete bool) {
	switch a := v.Addr().Interface().(type) {
	case Arguments:
		return a.WriteArguments(w), true
	case Formed:
		return w.writeForm(v, a.Forms()), true
	}
	switch {
	case v.Kind() == reflect.String:
		return []string{v.String()}, false
	case v.Kind() == reflect.Int:
		return []string{strconv.FormatInt(v.Int(), 10)}, false
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			words, _ := w.args(r, v.Index(i))
			args = append(args, words...)
		}
		return args, false
	case v.Kind() == reflect.Struct && r.Args != "":
		return w.args(Row{}, v.FieldByName(r.Args))
	case v.Kind() == reflect.Struct || v.Kind() == reflect.Bool:
		return nil, false
	}
	panic(fmt.Sprintf("no way to write a %s", v.Type()))
}

// Words returns the words of setting, a pointer to a struct; it is the inverse of [Read].
func (w *Writer) Words(setting Formed) []string {
	words, _ := w.args(Row{}, reflect.ValueOf(setting).Elem())
	return words
}
