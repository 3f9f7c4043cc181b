package directive

import (
	"reflect"
	"slices"
	"strings"
)

// Formed is implemented by structs that are written in one of several forms.
type Formed interface {
	// Forms returns the forms. A form has literal words, and names of fields in angle
	// brackets; a field with ... takes all remaining words: "idle <Idle>",
	// "status <Status...>".
	Forms() []string
}

// fieldOf returns the name of the field if an item of a form is one, or "" for a literal word.
// rest is true if the field takes all remaining words.
func fieldOf(item string) (name string, rest bool) {
	name, field := strings.CutPrefix(item, "<")
	if !field {
		return "", false
	}
	return strings.CutSuffix(strings.TrimSuffix(name, ">"), "...")
}

// fitting returns the items of the form that words are written in. If a word is literal in one
// form and the value of a field in another, it is taken as literal: in "html a json", json is
// not an attribute but begins a JSON path, which is missing.
func fitting(forms, words []string) ([]string, error) {
	var open [][]string
	for _, form := range forms {
		open = append(open, strings.Fields(form))
	}
	for i, word := range words {
		if known := firsts(open); i == 0 && !slices.Contains(known, "") && !slices.Contains(known, word) {
			return nil, Problemf("%q is not known; want %s", word, orList(known))
		}
		literal := slices.ContainsFunc(open, func(f []string) bool { return i < len(f) && f[i] == word })
		open = slices.DeleteFunc(open, func(f []string) bool {
			if i >= len(f) {
				_, rest := fieldOf(f[len(f)-1])
				return literal || !rest
			}
			name, _ := fieldOf(f[i])
			return literal && f[i] != word || !literal && name == ""
		})
	}
	for _, f := range open {
		if len(f) <= len(words) {
			return f, nil
		}
	}
	return nil, ErrArguments
}

// firsts returns the literal words that forms begin with, and "" if one begins with a field.
func firsts(forms [][]string) (words []string) {
	for _, f := range forms {
		word := f[0]
		if name, _ := fieldOf(word); name != "" {
			word = ""
		}
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}

// readForm reads words into the struct v, by the form that fits.
func readForm(v reflect.Value, forms, words []string) error {
	form, err := fitting(forms, words)
	if err != nil {
		return err
	}
	for i, item := range form {
		name, rest := fieldOf(item)
		if name == "" {
			continue
		}
		args := words[i : i+1]
		if rest {
			args = words[i:]
		}
		if err := readWords(v.FieldByName(name), args); err != nil {
			return err
		}
	}
	return nil
}

// readWords reads words into a field of a form. Unlike the field of a row, a string may be
// empty.
func readWords(v reflect.Value, words []string) error {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if v.Kind() == reflect.String {
		v.SetString(words[0])
		return nil
	}
	return read(v, Line{Args: words})
}

// writeForm returns the words of v, in the form that has exactly the fields that are set.
func (w *Writer) writeForm(v reflect.Value, forms []string) []string {
	for _, form := range forms {
		var words []string
		set := 0
		for item := range strings.FieldsSeq(form) {
			name, _ := fieldOf(item)
			if name == "" {
				words = append(words, item)
				continue
			}
			if field := v.FieldByName(name); isSet(field) {
				set++
				more, _ := w.args(Row{}, reflect.Indirect(field))
				words = append(words, more...)
			}
		}
		if set != strings.Count(form, "<") || set != countSet(v) {
			continue
		}
		if again, err := fitting(forms, words); err != nil || strings.Join(again, " ") != form {
			w.Fail(strings.Join(words, " "), "it would be read otherwise")
		}
		return words
	}
	w.Fail(w.name, "no form of it has just these settings")
	return nil
}

func countSet(v reflect.Value) (n int) {
	for i := range v.NumField() {
		if isSet(v.Field(i)) {
			n++
		}
	}
	return n
}
