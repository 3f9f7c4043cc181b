package cli

import (
	"reflect"
	"testing"
)

// TestCaddyStorage: --caddy-storage names the directory of a store without a directory, and
// keeps the store's other settings. Settings that name a directory are not changed.
func TestCaddyStorage(t *testing.T) {
	f := storeFlags{caddys: "/data/caddy"}
	want := object{"engine": "badger", "directory": "/data/caddy/two_factor"}
	if got := f.withDirectory(nil); !reflect.DeepEqual(got, object{"storage": want}) {
		t.Errorf("without an app: %v", got)
	}
	strict := object{"engine": "badger", "must_exist": true}
	got := f.withDirectory(object{"key": "{env.KEY}", "storage": strict})
	want["must_exist"] = true
	if !reflect.DeepEqual(got, object{"key": "{env.KEY}", "storage": want}) || len(strict) != 2 {
		t.Errorf("with must_exist: %v, and before %v", got, strict)
	}
	for _, named := range []object{{"engine": "badger", "directory": "/x"}, {"engine": "other"}} {
		app := object{"storage": named}
		if got := f.withDirectory(app); !reflect.DeepEqual(got, app) {
			t.Errorf("%v became %v", app, got)
		}
	}
}
