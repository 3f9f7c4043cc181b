package adversary

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Case is a world and a program.
type Case struct {
	World   World
	Program Program
}

// GoString prints a case as Go source that can be pasted into regressions_test.go.
func (c Case) GoString() string {
	var b strings.Builder
	fmt.Fprintf(&b, "{\n\tname:  \"\",\n\tworld: %s,\n\tprogram: Program{\n", literal("World", c.World))
	for _, a := range c.Program {
		fmt.Fprintf(&b, "\t\t%s,\n", literal("", a))
	}
	b.WriteString("\t},\n},")
	return b.String()
}

// literal prints a struct without its zero fields.
func literal(name string, v any) string {
	var fields []string
	s := reflect.ValueOf(v)
	for i := range s.NumField() {
		if f := s.Field(i); !f.IsZero() {
			fields = append(fields, s.Type().Field(i).Name+": "+value(f))
		}
	}
	return name + "{" + strings.Join(fields, ", ") + "}"
}

func value(v reflect.Value) string {
	if d, ok := v.Interface().(time.Duration); ok {
		return fmt.Sprintf("%d * time.Millisecond", d.Milliseconds())
	}
	return fmt.Sprintf("%#v", v.Interface())
}
