package directive

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

type settings struct {
	Name  string
	Mode  string
	On    bool
	Maybe *bool
	Count int
	Skew  *int
	List  []string
	Head  map[string]string
	Less  map[string][]string
	Inner *inner
	Items []item
	Words []string
}

type inner struct {
	Size int
	Text string
}

type item struct {
	Paths []string
	Page  string
}

var rows = Rows{
	{Field: "Name", Usage: "name NAME", Default: "anna", Block: Rows{{Field: "Less", Usage: "less NAME [VALUE...]"}}},
	{Field: "Mode", Usage: "mode on|off", Preset: Replaced},
	{Field: "On", Usage: "on"},
	{Field: "Maybe", Usage: "maybe", Preset: Replaced},
	{Field: "Count", Usage: "count N", Default: "10", Least: "4", Most: "20"},
	{Field: "Skew", Usage: "skew N"},
	{Field: "List", Usage: "list WORD...", Preset: Added, Check: Valid(func(s string) error {
		if s == "bad" {
			return errors.New("it is bad")
		}
		return nil
	})},
	{Field: "Head", Usage: "head NAME VALUE"},
	{Field: "Inner", Usage: "inner", Block: Rows{{Field: "Size", Usage: "size N", Default: "7"}, {Field: "Text", Usage: "text TEXT"}}},
	{Field: "Items", Usage: "item [PATH...]", Args: "Paths", Block: Rows{{Field: "Page", Usage: "page URI"}}},
	{Field: "Words", Usage: "lower", Word: true},
	{Field: "Words", Usage: "trim", Word: true},
}

// apply reads lines as a reader of blocks does: a tab is a line of the block above.
func apply(t *testing.T, s *settings, lines ...string) error {
	t.Helper()
	block, known := reflect.ValueOf(s).Elem(), rows
	for i, text := range lines {
		inside := strings.HasPrefix(text, "\t")
		if !inside {
			block, known = reflect.ValueOf(s).Elem(), rows
		}
		words := strings.Fields(text)
		row, ok := known.Find(words[0])
		if !ok {
			t.Fatalf("no row %s", words[0])
		}
		opens := !inside && i+1 < len(lines) && strings.HasPrefix(lines[i+1], "\t")
		place, err := row.Read(block, Line{Args: words[1:], Block: opens})
		if err != nil {
			return err
		}
		if opens {
			block, known = place.Block, row.Block
		}
	}
	return nil
}

func TestWrittenAsRead(t *testing.T) {
	lines := []string{
		"name bert", "\tless a", "\tless b x y", "mode off", "on", "maybe", "count 5", "skew 0", "list a b", "head X-A one", "head X-B two",
		"inner", "\tsize 8", "\ttext c", "item", "\tpage /p", "item /a /b", "trim", "lower",
	}
	var s settings
	if err := apply(t, &s, lines...); err != nil {
		t.Fatal(err)
	}
	text, err := Write("d", rows, &s, Notes{"item.1": "second", "less.b": "two", "": "all"})
	if err != nil {
		t.Fatal(err)
	}
	want := "\t# all\n\td {\n"
	for i, line := range lines {
		if note := map[int]string{2: "\t# two", 16: "# second"}[i]; note != "" {
			want += "\t\t" + note + "\n"
		}
		if opens := i+1 < len(lines) && lines[i+1][0] == '\t' && line[0] != '\t'; opens {
			line += " {"
		}
		if want += "\t\t" + line + "\n"; line[0] == '\t' && lines[i+1][0] != '\t' {
			want += "\t\t}\n"
		}
	}
	if want += "\t}\n"; text != want {
		t.Errorf("written\n%s\nwant\n%s", text, want)
	}
}

func TestReadRefuses(t *testing.T) {
	for _, tt := range []struct{ line, says string }{
		{"name", "arguments"}, {"name a b", "arguments"}, {"on yes", "arguments"}, {"list", "arguments"}, {"head X", "arguments"}, {"inner", "arguments"},
		{"lower case", "arguments"}, {"count many", "not a whole number"}, {"count 0", "leave it out"},
	} {
		if err := apply(t, new(settings), tt.line); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.line, err)
		}
	}
	if err := apply(t, new(settings), "head X a", "head X b"); err == nil {
		t.Error("a name was set twice")
	}
}

type formed struct {
	JSON, HTML, Attr string
	Value            *string
	Not              []string
}

func (formed) Forms() []string {
	return []string{
		"json <JSON>", "json <JSON> <Value>", "html <HTML>", "html <HTML> <Attr>", "html <HTML> json <JSON>", "html <HTML> not <Not...>",
		"html <HTML> <Attr> json <JSON> not <Not...>",
	}
}

// TestForms: what is read is written as it was; a word of a form is never taken for a field.
func TestForms(t *testing.T) {
	for _, tt := range []struct{ line, says string }{
		{"json a", ""}, {"json json", ""}, {"json a json", ""}, {"html a", ""}, {"html a href", ""}, {"html a json id", ""}, {"html not", ""},
		{"html a not x", ""}, {"html a not not json", ""}, {"html a href json id not x y", ""},
		{"", "arguments"}, {"json", "arguments"}, {"json a b c", "arguments"}, {"html a json", "arguments"}, {"html a not", "arguments"},
		{"html a href json", "arguments"}, {"html a href json id not", "arguments"}, {"css a", `"css" is not known; want json or html`},
	} {
		var f formed
		err := Read(&f, strings.Fields(tt.line))
		if tt.says != "" {
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %v", tt.line, err)
			}
			continue
		}
		w := new(Writer)
		if words := strings.Join(w.Words(&f), " "); err != nil || w.err != nil || words != tt.line {
			t.Errorf("%s: %v, written %s, %v", tt.line, err, words, w.err)
		}
	}
	for _, f := range []formed{{JSON: "a", HTML: "b", Attr: "c"}, {HTML: "a", Attr: "json"}, {}} {
		w := new(Writer)
		if words := w.Words(&f); w.err == nil {
			t.Errorf("%+v is written as %v", f, words)
		}
	}
}

func TestFillWritesThroughNoPointer(t *testing.T) {
	own := &inner{Text: "c"}
	s := settings{Inner: own, Count: 5}
	rows.Fill(&s)
	if s.Name != "anna" || s.Count != 5 || s.Inner.Size != 7 || s.Inner.Text != "c" || *s.Maybe {
		t.Errorf("%+v %+v", s, s.Inner)
	}
	if own.Size != 0 {
		t.Error("the struct that was there has changed")
	}
}

func TestMergeWritesIntoNoArray(t *testing.T) {
	array := []string{"own", "behind"}
	s, preset := settings{List: array[:1]}, settings{Mode: "on", List: []string{"preset"}, Count: 9}
	rows.Merge(&s, &preset)
	if !slices.Equal(s.List, []string{"own", "preset"}) || s.Mode != "on" || s.Count != 0 {
		t.Errorf("%+v", s)
	}
	if array[1] != "behind" {
		t.Error("the array behind the list has changed")
	}
}

func TestTake(t *testing.T) {
	row, _ := rows.Find("list")
	s := settings{List: []string{"a", "b"}}
	if err := row.Take(&s, []string{"a"}); err != nil || !slices.Equal(s.List, []string{"b"}) {
		t.Errorf("%v %v", s.List, err)
	}
	if err := row.Take(&s, []string{"x"}); err == nil || !strings.Contains(err.Error(), "want one of: b") {
		t.Error(err)
	}
	if err := row.Take(&s, nil); err != nil || s.List != nil {
		t.Errorf("%v %v", s.List, err)
	}
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		settings    settings
		where, says string
	}{
		{settings{Mode: "maybe"}, "mode", "want on or off"},
		{settings{Count: 3}, "count", "3 is out of bounds; want 4 to 20"},
		{settings{Count: 21}, "count", "out of bounds"},
		{settings{List: []string{"good", "bad"}}, "list.1", "it is bad"},
		{settings{Mode: "on", Count: 4, List: []string{"good"}}, "", ""},
	} {
		err := rows.Check(&tt.settings)
		var bad *Error
		if tt.where == "" && err == nil {
			continue
		}
		if !errors.As(err, &bad) || bad.Where != tt.where || !strings.Contains(bad.Problem, tt.says) {
			t.Errorf("%+v: %v", tt.settings, err)
		}
	}
}

func ExampleRows_Table() {
	fmt.Print(Rows{
		{Field: "Mode", Usage: "mode on|off", Default: "on", Doc: "Whether it runs."},
		{Field: "Count", Usage: "count N", Otherwise: "none", Least: "4", Most: "20", Doc: "How many there are."},
	}.Table())
	// Output:
	// | subdirective | what it does | default | bounds |
	// | --- | --- | --- | --- |
	// | `mode on\|off` | Whether it runs. | `on` |  |
	// | `count N` | How many there are. | none | `4` to `20` |
}
