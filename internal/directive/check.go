package directive

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Error is an invalid setting.
type Error struct {
	// Where is the path of the setting by its names, indexes counted from 0:
	// "totp.digits", "whoami.0.anonymous.1".
	Where string
	// Problem names the value and what is expected.
	Problem string
}

// Error returns the path and the problem: "totp.digits: 7 …".
func (e *Error) Error() string { return e.Where + ": " + e.Problem }

// At returns err as an *Error with path put before its own path; nil for nil.
func At(path string, err error) error {
	if err == nil {
		return nil
	}
	e, ok := err.(*Error)
	if !ok {
		e = &Error{Problem: err.Error()}
	}
	return &Error{Where: strings.Trim(path+"."+e.Where, "."), Problem: e.Problem}
}

// Valid returns check as a [Row.Check]. T is the type of the field, or of its elements.
func Valid[T any](check func(T) error) func(any) error {
	return func(value any) error { return check(value.(T)) }
}

// Unless returns a [Row.Check] that refuses values for which holds returns false. problem is the
// format of the error, for the value.
func Unless[T any](holds func(T) bool, problem string) func(any) error {
	return Valid(func(value T) error {
		if holds(value) {
			return nil
		}
		return fmt.Errorf(problem, value)
	})
}

// Check validates settings, a pointer to a struct, and returns the first invalid one as
// *[Error]. It compares values with the choices and bounds of their rows and calls each row's
// Check. Settings that are not set are valid.
func (rows Rows) Check(settings any) error {
	return rows.check(reflect.ValueOf(settings).Elem())
}

func (rows Rows) check(block reflect.Value) error {
	for _, r := range rows {
		if err := r.check(r.field(block)); err != nil {
			return At(r.Name(), err)
		}
	}
	return nil
}

func (r Row) check(v reflect.Value) error {
	switch {
	case r.Word || v.IsZero():
		return nil
	case v.Kind() == reflect.Pointer:
		return r.checkOne(v.Elem())
	case v.Kind() != reflect.Slice:
		return r.checkOne(v)
	}
	for i := range v.Len() {
		if err := r.checkOne(v.Index(i)); err != nil {
			return At(strconv.Itoa(i), err)
		}
	}
	return nil
}

func (r Row) checkOne(v reflect.Value) error {
	if words := r.choices(); words != nil && v.Kind() == reflect.String && !slices.Contains(words, v.String()) {
		return fmt.Errorf("%q is not known; want %s", v.String(), orList(words))
	}
	if err := r.checkBounds(v); err != nil {
		return err
	}
	if v.Kind() == reflect.Struct {
		if err := r.Block.check(v); err != nil {
			return err
		}
	}
	if r.Check == nil {
		return nil
	}
	return r.Check(v.Interface())
}

func (r Row) checkBounds(v reflect.Value) error {
	if r.Most == "" {
		return nil
	}
	if v.Int() >= parsed(v.Type(), r.Least).Int() && v.Int() <= parsed(v.Type(), r.Most).Int() {
		return nil
	}
	problem := fmt.Sprintf("%v is out of bounds; want %s to %s", v.Interface(), r.Least, r.Most)
	if isArguments(reflect.New(v.Type()).Elem()) && r.Default != "" {
		problem += ", for example " + r.Default
	}
	if r.Zero != "" {
		problem += ", or 0 " + r.Zero
	}
	return fmt.Errorf("%s", problem)
}

// parsed parses the text of a Default, Least or Most. An invalid text is a programming error
// and panics.
func parsed(t reflect.Type, text string) reflect.Value {
	v := reflect.New(t).Elem()
	if err := read(v, Line{Args: strings.Fields(text), Zero: true}); err != nil {
		panic(fmt.Sprintf("%q in a table: %v", text, err))
	}
	return v
}

// orList returns "a, b or c".
func orList(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// OneOf returns an error unless value is one of the words.
func OneOf(value string, words ...string) error {
	if slices.Contains(words, value) {
		return nil
	}
	return fmt.Errorf("%q is not known; want %s", value, orList(words))
}
