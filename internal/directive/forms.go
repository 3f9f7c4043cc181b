package directive

import (
	"reflect"
	"slices"
	"strings"
)

// Formed is implemented by structs with arguments in one of several forms.
type Formed interface {
	// Forms are the ways to write a value: words that stand as they are, and the fields of
	// the struct between angle brackets, with ... where a field takes all that is left:
	// "idle <Idle>", "status <Status...>".
	Forms() []string
}

// fieldOf returns the field that an item of a form stands for, or "" for a word.
func fieldOf(item string) (name string, rest bool) {
	name, field := strings.CutPrefix(item, "<")
	if !field {
		return "", false
	}
	return strings.CutSuffix(strings.TrimSuffix(name, ">"), "...")
}

// fitting returns the form that words have, as items. Where one form has a word and
// another a field, the word counts: "html a json" lacks a path, json is no attribute.
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

// firsts are the words that forms begin with, "" for a field.
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

// readForm reads words into the struct v.
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

// readWords reads a field of a form. Unlike that of a row it may be empty.
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

// writeForm returns the words of the form that has just the fields that are set.
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
