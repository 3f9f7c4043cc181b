package directive

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Error is a setting that cannot stand.
type Error struct {
	// Where is the path of the setting by its names, indexes counted from 0:
	// "totp.digits", "whoami.0.anonymous.1".
	Where string
	// Problem names the value and what would be right.
	Problem string
}

// Error reads "totp.digits: 7 …".
func (e *Error) Error() string { return e.Where + ": " + e.Problem }

// At puts a path before that of err.
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

// Valid makes a [Row.Check] of a function for the field's type, or that of its elements.
func Valid[T any](check func(T) error) func(any) error {
	return func(value any) error { return check(value.(T)) }
}

// Check returns the first thing that is wrong with settings, a pointer to a struct, as
// *[Error]. It looks at choices, bounds and each row's Check; what is not set is right.
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

// parsed is a value of a table as it is written there.
func parsed(t reflect.Type, text string) reflect.Value {
	v := reflect.New(t).Elem()
	if err := read(v, Line{Args: strings.Fields(text), Zero: true}); err != nil {
		panic(fmt.Sprintf("%q in a table: %v", text, err))
	}
	return v
}

// orList reads "a, b or c".
func orList(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// OneOf wants a value to be one of the words.
func OneOf(value string, words ...string) error {
	if slices.Contains(words, value) {
		return nil
	}
	return fmt.Errorf("%q is not known; want %s", value, orList(words))
}
