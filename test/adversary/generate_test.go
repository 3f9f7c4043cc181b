package adversary

import (
	"os"
	"reflect"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// maxActions bounds a program.
const maxActions = 20

// only are the parts of the world that ADVERSARY_ONLY lets vary; all of them without it.
// They are cookies, ids, commit, sign-in, pin, streams, tunnels, paths, visits and settings.
var only = strings.FieldsFunc(os.Getenv("ADVERSARY_ONLY"), func(c rune) bool { return c == ',' })

// limits draws worlds of known limits, too: those of regressions that are open.
var limits = os.Getenv("ADVERSARY_LIMITS") != ""

func varies(part string) bool { return part == "" || len(only) == 0 || slices.Contains(only, part) }

// cases draws worlds and programs.
var cases = rapid.Custom(func(t *rapid.T) Case {
	w := drawWorld(t)
	return Case{w, drawProgram(t, w)}
})

// draw is one of the values. rapid shrinks towards the first.
func draw[T any](t *rapid.T, values ...T) T { return rapid.SampledFrom(values).Draw(t, "") }

// odd is usual, and one of the others in one of n draws.
func odd[T any](t *rapid.T, part string, n int, usual T, others ...T) T {
	if !varies(part) {
		return usual
	}
	return draw(t, append(slices.Repeat([]T{usual}, (n-1)*len(others)), others...)...)
}

func drawWorld(t *rapid.T) World {
	w := World{
		Base:       odd(t, "paths", 4, "", "/app"),
		Name:       odd(t, "cookies", 8, "", "osCsid", "JSESSIONID", "sid"),
		CookiePath: odd(t, "cookies", 3, "", "none", "/app", "/APP", "/.", "/app/", "/%61pp", "/login"),
		Whoami:     odd(t, "cookies", 4, "", "/whoami", "/app/whoami", "/app/inner/whoami"),
		Second:     odd(t, "cookies", 8, "", "/", "none", "/app"),
		Remember:   odd(t, "cookies", 8, false, true),
		Last:       odd(t, "cookies", 4, false, true),
		Lazy:       odd(t, "cookies", 6, false, true),
		Loose:      odd(t, "ids", 4, false, true),
		IDs:        odd(t, "ids", 4, "", "body", "url", "url body"),
		FoldCase:   odd(t, "paths", 4, false, true),
		Rotation:   odd(t, "commit", 2, "", "renew", "alive"),
		Commit:     odd(t, "commit", 2, "", "after headers", "at end", "later"),
		Locks:      odd(t, "commit", 4, false, true),
		SignIn:     odd(t, "sign-in", 2, "", "link", "query", "json", "switch", "graphql"),
		Answer:     odd(t, "sign-in", 2, "", "302 body", "200", "204"),
		Pin:        drawPin(t),
		Follow:     odd(t, "streams", 2, false, true),
		FormToken:  odd(t, "settings", 4, false, true),
		Slow:       odd(t, "commit", 3, "", "whoami", "all"),
		Pushes:     odd(t, "tunnels", 2, false, true),
		Extras:     odd(t, "ids", 6, false, true),
		Loud:       odd(t, "sign-in", 6, false, true),
		Hasty:      odd(t, "commit", 8, false, true),
		Undeclared: odd(t, "sign-in", 2, false, true),
	}
	w.Seen = odd(t, "visits", 8, false, true)
	w.Whole = odd(t, "streams", 4, false, true)
	w.Renews = odd(t, "visits", 6, "", "whoami", "all")
	w.Single = odd(t, "visits", 10, false, true)
	w.Unenrolled = odd(t, "visits", 10, false, true)
	w.Persists = odd(t, "commit", 4, false, true)
	w.Revives = w.Remember && odd(t, "cookies", 2, false, true)
	w.Always = odd(t, "settings", 8, false, true)
	w.Loose = w.Loose || w.IDs != "" && odd(t, "ids", 2, true, false)
	w.Rotates = w.Rotation == "renew" && odd(t, "settings", 4, false, true)
	w.WatchUnsafe = odd(t, "settings", 5, false, true)
	w.Required = odd(t, "settings", 10, false, true)
	w.Guest = odd(t, "settings", 10, false, true)
	w.Shared = odd(t, "settings", 6, false, true)
	w.Falls = limits && w.Remember && w.Pin != "" && odd(t, "pin", 2, false, true)
	w.Joint = limits && w.Pushes && odd(t, "tunnels", 2, false, true)
	w.force()
	return w
}

// force sets the fields of the world that ADVERSARY_WORLD lists, as in "Pin=Referer,Follow=true".
func (w *World) force() {
	for _, setting := range strings.FieldsFunc(os.Getenv("ADVERSARY_WORLD"), func(c rune) bool { return c == ',' }) {
		name, value, _ := strings.Cut(setting, "=")
		switch f := reflect.ValueOf(w).Elem().FieldByName(name); f.Kind() {
		case reflect.Bool:
			f.SetBool(value == "true")
		case reflect.String:
			f.SetString(value)
		default:
			panic("ADVERSARY_WORLD: no such field: " + name)
		}
	}
}

func drawPin(t *rapid.T) string {
	var names []string
	for _, p := range pinned {
		names = append(names, p.name)
	}
	return odd(t, "pin", 4, "", names...)
}
