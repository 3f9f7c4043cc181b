package directive

import (
	"reflect"
	"slices"
	"strings"
)

// Fill sets what is not set to its default, in settings, a pointer to a struct. It never
// writes through the pointers that it finds: structs behind them are copied first, and
// made where there are none.
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

// Merge fills in from a preset's settings, by each row's Preset; both are pointers to
// structs of one type. Lists of the settings come first, and are copied, never appended to.
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

// Labelled names an element of a list, so that it can be taken away.
type Labelled interface{ Label() string }

func label(v reflect.Value) string {
	if l, ok := v.Interface().(Labelled); ok {
		return l.Label()
	}
	return v.String()
}

// Take takes values away from a row's field: those with the given labels, or all where
// none is. A label that is not there is a problem.
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
