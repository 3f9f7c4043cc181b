package directive

import (
	"reflect"
	"slices"
	"strings"
)

// Fill sets the defaults of fields that are not set, in settings, a pointer to a struct. It
// never changes a struct that a field points to, because another copy of the settings may share
// it: the struct is copied first, or allocated if the pointer is nil.
func (rows Rows) Fill(settings any) { rows.fill(reflect.ValueOf(settings).Elem()) }

func (rows Rows) fill(block reflect.Value) {
	for _, r := range rows {
		v := r.field(block)
		switch {
		case v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct && len(r.Block) > 0:
			inner := reflect.New(v.Type().Elem())
			if !v.IsNil() {
				inner.Elem().Set(v.Elem())
			}
			r.Block.fill(inner.Elem())
			v.Set(inner)
		case r.Default != "" && v.IsZero():
			set(v, r.Default)
		case v.Type() == reflect.TypeFor[*bool]() && v.IsNil():
			v.Set(reflect.ValueOf(new(bool)))
		}
	}
}

func set(v reflect.Value, text string) {
	if v.Kind() != reflect.Pointer {
		v.Set(parsed(v.Type(), text))
		return
	}
	target := reflect.New(v.Type().Elem())
	target.Elem().Set(parsed(v.Type().Elem(), text))
	v.Set(target)
}

// Merge fills in the preset's settings by each row's Preset. Both arguments are pointers to
// structs of the same type. In joined lists the elements of settings come first. The lists are
// copied, so that the originals are not changed.
func (rows Rows) Merge(settings, preset any) {
	own, from := reflect.ValueOf(settings).Elem(), reflect.ValueOf(preset).Elem()
	for _, r := range rows {
		v, p := r.field(own), r.field(from)
		switch {
		case r.Preset == Added:
			v.Set(reflect.AppendSlice(v.Slice3(0, v.Len(), v.Len()), p))
		case r.Preset == Replaced && v.IsZero():
			v.Set(p)
		}
	}
}

// Labelled is implemented by elements of lists that [Row.Take] can remove by a name. Strings
// are their own name.
type Labelled interface{ Label() string }

func label(v reflect.Value) string {
	if l, ok := v.Interface().(Labelled); ok {
		return l.Label()
	}
	return v.String()
}

// Take removes from a row's field the elements with the given labels, or all if no label is
// given. It returns a [Problem] for a label that no element has.
func (r Row) Take(settings any, labels []string) error {
	v := r.field(reflect.ValueOf(settings).Elem())
	if v.Kind() != reflect.Slice {
		if len(labels) > 0 {
			return Problemf("%q is too much; %s has no values", strings.Join(labels, " "), r.Name())
		}
		v.SetZero()
		return nil
	}
	var there []string
	left := reflect.Zero(v.Type())
	for i := range v.Len() {
		there = append(there, label(v.Index(i)))
		if len(labels) > 0 && !slices.Contains(labels, there[i]) {
			left = reflect.Append(left, v.Index(i))
		}
	}
	for _, l := range labels {
		if !slices.Contains(there, l) {
			return Problemf("%q is not there; want one of: %s", l, strings.Join(there, ", "))
		}
	}
	v.Set(left)
	return nil
}
