package directive

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
)

// ErrArguments is returned if the number or kind of the arguments is wrong. The caller adds the
// row's usage.
var ErrArguments = errors.New("wrong arguments")

// Problem is an error about the arguments of a line. The caller adds the subdirective, the
// file and the line.
type Problem struct{ Cause error }

// Error returns the text of the cause.
func (p Problem) Error() string { return p.Cause.Error() }

// Problemf returns a Problem with a formatted cause.
func Problemf(format string, args ...any) error { return Problem{fmt.Errorf(format, args...)} }

// Place describes where a line was stored.
type Place struct {
	// Element is the index or key if the line became an element of a list or map, or "". It is
	// part of the setting's path.
	Element string
	// Block is the struct that the line's block sets. Inside is true if that is the value of
	// the row's field; the row's name is then part of the path of the block's settings.
	Block  reflect.Value
	Inside bool
}

// Read reads a line into the row's field of a block's struct.
func (r Row) Read(block reflect.Value, line Line) (Place, error) {
	v, place := r.field(block), Place{Block: block}
	switch {
	case r.Word && v.Kind() == reflect.Slice && len(line.Args) > 0:
		return place, ErrArguments
	case r.Word:
		line.Args = append([]string{r.Name()}, line.Args...)
	case ofStructs(v):
		place.Element = strconv.Itoa(v.Len())
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		v = v.Index(v.Len() - 1)
	case v.Kind() == reflect.Map && len(line.Args) > 0:
		place.Element = line.Args[0]
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		v, line.Zero = v.Elem(), true
	}
	if v.Kind() == reflect.Struct {
		place.Block, place.Inside = v, true
	}
	return place, r.read(v, line)
}

func (r Row) read(v reflect.Value, line Line) error {
	if v.Kind() != reflect.Struct || isArguments(v) {
		return read(v, line)
	}
	if r.Args == "" {
		if len(line.Args) > 0 || !line.Block {
			return ErrArguments
		}
		return nil
	}
	if args := v.FieldByName(r.Args); args.Kind() != reflect.Slice || len(line.Args) > 0 {
		return read(args, line)
	}
	return nil
}

// isArguments reports whether the value's type reads all words of a line.
func isArguments(v reflect.Value) bool {
	_, reads := v.Addr().Interface().(Reading)
	_, formed := v.Addr().Interface().(Formed)
	return reads || formed
}

// read reads the arguments of a line into v, as its type requires.
func read(v reflect.Value, line Line) error {
	switch a := v.Addr().Interface().(type) {
	case Reading:
		return a.ReadArguments(line)
	case Formed:
		if !v.IsZero() {
			return Problemf("it is a second one; want one")
		}
		return readForm(v, a.Forms(), line.Args)
	}
	switch v.Kind() {
	case reflect.Slice:
		return readList(v, line)
	case reflect.Map:
		return readEntry(v, line)
	case reflect.Bool:
		v.SetBool(true)
		if len(line.Args) > 0 {
			return ErrArguments
		}
		return nil
	case reflect.Int:
		return readNumber(v, line)
	case reflect.String:
		if len(line.Args) != 1 || line.Args[0] == "" {
			return ErrArguments
		}
		v.SetString(line.Args[0])
		return nil
	}
	panic("no way to read a " + v.Type().String())
}

// Read reads words into setting, a pointer to a struct. It is for types that implement
// [Reading] and contain one that is [Formed].
func Read(setting Formed, words []string) error {
	return read(reflect.ValueOf(setting).Elem(), Line{Args: words})
}

func readList(v reflect.Value, line Line) error {
	if len(line.Args) == 0 {
		return ErrArguments
	}
	for _, arg := range line.Args {
		element := reflect.New(v.Type().Elem()).Elem()
		if element.Kind() == reflect.String {
			element.SetString(arg)
		} else if err := read(element, Line{Args: []string{arg}, Zero: true, Matcher: line.Matcher}); err != nil {
			return err
		}
		v.Set(reflect.Append(v, element))
	}
	return nil
}

// readEntry reads an entry of a map: NAME VALUE, or, if the values are lists, NAME VALUE….
func readEntry(v reflect.Value, line Line) error {
	values := v.Type().Elem().Kind() == reflect.Slice
	if len(line.Args) == 0 || !values && len(line.Args) != 2 {
		return ErrArguments
	}
	name := reflect.ValueOf(line.Args[0])
	if again := v.MapIndex(name).IsValid(); again && values {
		return Problemf("%s is given again; want all its values on one line", name)
	} else if again {
		return Problemf("%s is set again; want it once", name)
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	if values {
		v.SetMapIndex(name, reflect.ValueOf(line.Args[1:]))
		return nil
	}
	v.SetMapIndex(name, reflect.ValueOf(line.Args[1]))
	return nil
}

// readNumber reads a number. It refuses 0 unless line.Zero is set, because 0 would mean the
// default.
func readNumber(v reflect.Value, line Line) error {
	if len(line.Args) != 1 {
		return ErrArguments
	}
	n, err := strconv.Atoi(line.Args[0])
	if err != nil {
		return Problemf("%q is not a whole number; want digits only", line.Args[0])
	}
	if n == 0 && !line.Zero {
		return Problemf("0 is out of bounds; leave it out for the default")
	}
	v.SetInt(int64(n))
	return nil
}
