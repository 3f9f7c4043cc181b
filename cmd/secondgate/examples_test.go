//go:build crash

package main

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// example is a command in the documentation, and its documented output.
var example = regexp.MustCompile("(?s)```sh\n(curl .*?)\n```\n\n```json\n(.*?)\n```")

// documentation is read before a script changes the directory.
var documentation, _ = os.ReadFile("../../docs/admin-api.md")

// examples runs those of docs/admin-api.md at $ADMIN. Each must answer with the fields
// that the documentation shows, and with no others.
func examples(ts *testscript.TestScript, neg bool, args []string) {
	found := example.FindAllStringSubmatch(string(documentation), -1)
	if neg || len(args) > 0 || len(found) != 5 {
		ts.Fatalf("usage: examples; the documentation has %d", len(found))
	}
	for _, e := range found {
		command := strings.ReplaceAll(e[1], "/run/secondgate/admin.sock", strings.TrimPrefix(ts.Getenv("ADMIN"), "unix/"))
		ts.Check(ts.Exec("sh", "-c", command))
		var want, got any
		ts.Check(json.Unmarshal([]byte(e[2]), &want))
		ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &got))
		if w, g := shape(want), shape(got); w != g {
			ts.Fatalf("%s\nanswers %s\nwith    %s\nsaid is %s", command, ts.ReadFile("stdout"), g, w)
		}
	}
}

// shape is the fields of a value, and of the first element where there are several.
func shape(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var fields []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			fields = append(fields, name+" "+shape(v[name]))
		}
		return "{" + strings.Join(fields, ", ") + "}"
	case []any:
		if len(v) == 0 {
			return "[]"
		}
		return "[" + shape(v[0]) + "]"
	case string:
		return "text"
	case bool:
		return "truth"
	case float64:
		return "number"
	}
	return "nothing"
}
