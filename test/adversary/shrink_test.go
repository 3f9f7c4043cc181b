package adversary

import (
	"reflect"
	"slices"
)

// shrink removes every part of a case that the failure does not need: whole actions, then the
// non-default fields of the other actions and of the world. rapid shrinks as well, but works on
// the bits of the draw and is slow for cases of this size.
func shrink(c Case, finds func(Case) bool) Case {
	for changed := true; changed; {
		changed = false
		for i := 0; i < len(c.Program); {
			less := Case{c.World, slices.Delete(slices.Clone(c.Program), i, i+1)}
			if finds(less) {
				c, changed = less, true
				continue
			}
			i++
		}
		for i := range c.Program {
			for field := range reflect.TypeFor[Action]().NumField() {
				less := Case{c.World, slices.Clone(c.Program)}
				if clearField(&less.Program[i], field) && finds(less) {
					c, changed = less, true
				}
			}
		}
		for field := range reflect.TypeFor[World]().NumField() {
			less := c
			if clearField(&less.World, field) && finds(less) {
				c, changed = less, true
			}
		}
	}
	return c
}

// clearField sets a field to its zero value. It returns false where it has that already.
func clearField(v any, i int) bool {
	f := reflect.ValueOf(v).Elem().Field(i)
	if f.IsZero() {
		return false
	}
	f.SetZero()
	return true
}
