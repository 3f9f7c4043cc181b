package witness_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store/witness"
)

var signed = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// shop is the witness of a store with users, blog that of another portal's.
func shop() witness.Witness {
	return witness.Witness{
		Store: "aaaa", Place: "/srv/shop", Host: "web1", Signed: signed, Head: witness.Head{Seq: 40, Hash: "h40"},
		Activated: map[string]int{"shop": 3, "gone": 0}, Counted: 38,
	}
}

func blog() witness.Witness {
	return witness.Witness{Store: "bbbb", Place: "/srv/blog", Signed: signed, Head: witness.Head{Seq: 9, Hash: "h9"}, Activated: map[string]int{"blog": 1}}
}

func forged(w witness.Witness) witness.Witness { w.Forged = true; return w }

func restoredAt(w witness.Witness, at time.Time) witness.Witness { w.Restored = at; return w }

// TestJudge is the table of what a start may find, and what becomes of it.
func TestJudge(t *testing.T) {
	head := func(seq uint64, hash string) witness.Head { return witness.Head{Seq: seq, Hash: hash} }
	same := witness.Found{Store: "aaaa", Head: head(40, "h40"), At: "h40"}
	users := witness.Users{Realm: "shop", Activated: 3}
	later := signed.Add(time.Hour)
	for name, c := range map[string]struct {
		known witness.Known
		found witness.Found
		users witness.Users
		want  string // of the refusal; empty: it may start
	}{
		"a first start":                      {nil, witness.Found{Empty: true}, witness.Users{Realm: "shop"}, ""},
		"an upgrade":                         {nil, witness.Found{Store: "aaaa", Head: head(7, "h7")}, users, ""},
		"an upgrade without an id":           {nil, witness.Found{}, users, ""},
		"a second start":                     {witness.Known{shop(), blog()}, same, users, ""},
		"a lagging witness":                  {witness.Known{shop()}, witness.Found{Store: "aaaa", Head: head(90, "h90"), At: "h40"}, users, ""},
		"a pruned head":                      {witness.Known{shop()}, witness.Found{Store: "aaaa", Head: head(90, "h90")}, users, ""},
		"more users":                         {witness.Known{shop()}, same, witness.Users{Realm: "shop", Activated: 30}, ""},
		"explained turnings off":             {witness.Known{shop()}, same, witness.Users{Realm: "shop", Activated: 1, Explained: 2}, ""},
		"a new realm":                        {witness.Known{shop()}, same, witness.Users{Realm: "new"}, ""},
		"another portal's first start":       {witness.Known{shop()}, witness.Found{Empty: true}, witness.Users{Realm: "blog"}, "found in : no store"},
		"must_exist, and nothing is known":   {nil, witness.Found{Empty: true, Expected: true}, witness.Users{Realm: "shop"}, "the configuration says must_exist"},
		"must_exist, ordered":                {nil, witness.Found{Empty: true, Expected: true, Ordered: true}, witness.Users{Realm: "shop"}, ""},
		"the same, ordered":                  {witness.Known{shop()}, witness.Found{Empty: true, Ordered: true}, witness.Users{Realm: "blog"}, ""},
		"ordered for a known realm":          {witness.Known{shop()}, witness.Found{Empty: true, Ordered: true}, users, "an empty store"},
		"another store's witness is ours":    {witness.Known{shop(), blog()}, witness.Found{Store: "bbbb", Head: head(9, "h9"), At: "h9"}, users, `the store bbbb, which never served realm "shop"`},
		"an unknown store":                   {witness.Known{shop()}, witness.Found{Store: "cccc", Head: head(400, "x")}, users, `the store cccc, which never served`},
		"an older version's store":           {witness.Known{shop()}, witness.Found{}, users, "another store, which has no id yet"},
		"no store":                           {witness.Known{shop()}, witness.Found{Empty: true}, users, "no store"},
		"no store, and no user had a factor": {witness.Known{{Store: "dddd", Signed: signed, Activated: map[string]int{"shop": 0}}}, witness.Found{Empty: true}, witness.Users{Realm: "shop"}, ""},
		"an older copy":                      {witness.Known{shop()}, witness.Found{Store: "aaaa", Head: head(39, "h39")}, users, "as it was earlier, at entry 39"},
		"another history":                    {witness.Known{shop()}, witness.Found{Store: "aaaa", Head: head(41, "x41"), At: "x40"}, users, "another history: entry 40"},
		"missing users":                      {witness.Known{shop()}, same, witness.Users{Realm: "shop", Activated: 1, Explained: 1}, "of whom 1 are missing"},
		"a forged witness":                   {witness.Known{forged(shop())}, same, users, "not signed with its master keys"},
		"another's witness is not ours":      {witness.Known{shop(), forged(blog())}, same, users, ""},
		"an unreadable witness":              {witness.Known{shop(), {Unreadable: true, Key: "x.json"}}, same, users, "the witness x.json in Caddy's storage can't be read"},
		"restored since":                     {witness.Known{shop()}, witness.Found{Store: "aaaa", Head: head(12, "h12"), Restored: later}, witness.Users{Realm: "shop", Activated: 1}, ""},
		"an older copy of a restored store":  {witness.Known{restoredAt(shop(), later)}, witness.Found{Store: "aaaa", Head: head(12, "h12"), Restored: later}, users, "as it was earlier"},
		"a backup of an earlier store":       {witness.Known{shop()}, witness.Found{Store: "cccc", Head: head(12, "h12"), Restored: later}, users, "the store cccc"},
		"one that was restored long ago":     {witness.Known{shop()}, witness.Found{Store: "cccc", Head: head(12, "h12"), Restored: signed.Add(-time.Hour)}, users, "the store cccc"},
	} {
		t.Run(name, func(t *testing.T) {
			err := witness.Judge(c.known, c.found)
			if err == nil {
				err = witness.JudgeRealm(c.known, c.found, c.users)
			}
			if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, witness.ErrLost) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error is %v, want %q", err, c.want)
			}
		})
	}
}

// memory is Caddy's storage in memory.
type memory map[string][]byte

func (m memory) Store(_ context.Context, key string, value []byte) error { m[key] = value; return nil }

func (m memory) Load(_ context.Context, key string) ([]byte, error) {
	if value, ok := m[key]; ok {
		return value, nil
	}
	return nil, fs.ErrNotExist
}

func (m memory) Delete(_ context.Context, key string) error { delete(m, key); return nil }

func (m memory) List(_ context.Context, path string, _ bool) (found []string, err error) {
	for key := range m {
		if strings.HasPrefix(key, path+"/") {
			found = append(found, key)
		}
	}
	return found, nil
}

func ring(t *testing.T, text string) *keys.Ring {
	t.Helper()
	r, err := keys.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSignature: a witness that was changed, or signed by another key, is forged; one that
// is signed by an older key of the ring is not.
func TestSignature(t *testing.T) {
	older, newer, other := keys.Generate(), keys.Generate(), keys.Generate()
	file, err := witness.Marshal(shop(), ring(t, older))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file, keys string
		forged     bool
	}{
		"its key":      {string(file), older, false},
		"a newer ring": {string(file), newer + older, false},
		"another key":  {string(file), other, true},
		"a lower head": {strings.Replace(string(file), `"seq":40`, `"seq":4`, 1), older, true},
		"fewer users":  {strings.Replace(string(file), `"shop":3`, `"shop":0`, 1), older, true},
		"no signature": {`{"witness":{"store":"aaaa"}}`, older, true},
	} {
		known := witness.Known{witness.Unmarshal([]byte(c.file))}
		known.Verify(ring(t, c.keys))
		if known[0].Unreadable || known[0].Forged != c.forged {
			t.Errorf("%s: %+v", name, known[0])
		}
	}
	for _, broken := range []string{"", "{", "[]", `{"witness":{}}`, `{"witness":[],"signature":""}`, string(file[:len(file)-9])} {
		if w := witness.Unmarshal([]byte(broken)); !w.Unreadable {
			t.Errorf("%q is read: %+v", broken, w)
		}
	}
}

// TestOrder: an accepted loss takes out what was expected when it was given, for a day,
// and for one place.
func TestOrder(t *testing.T) {
	st, now := memory{}, signed.Add(time.Minute)
	put := func(w witness.Witness) {
		file, err := witness.Marshal(w, ring(t, keys.Generate()))
		if err != nil {
			t.Fatal(err)
		}
		st["secondgate/witness/"+w.Store+".json"] = file
	}
	load := func() witness.Known {
		known, err := witness.Load(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		return known
	}
	put(shop())
	put(blog())
	st["secondgate/witness/broken.json"] = []byte("{")
	o, ok := witness.Accept(load(), "/srv/new", []string{"shop"}, "sam", "the disk died", now)
	if !ok || len(o.Lost) != 2 || o.Short() != "aaaa broken" {
		t.Fatalf("%v %+v", ok, o)
	}
	if _, ok := witness.Accept(witness.Known{blog()}, "/srv/new", []string{"shop"}, "sam", "why", now); ok {
		t.Error("a loss is accepted where none is expected")
	}
	if err := witness.Give(t.Context(), st, o); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		place string
		at    time.Time
		want  bool
	}{
		"its place": {"/srv/new", now, true}, "another place": {"/srv/other", now, false},
		"a day later": {"/srv/new", now.Add(25 * time.Hour), false}, "before it": {"/srv/new", now.Add(-25 * time.Hour), false},
	} {
		if o, err := witness.Ordered(t.Context(), st, c.place, c.at); err != nil || (o != nil) != c.want {
			t.Errorf("%s: %+v, %v", what, o, err)
		}
	}
	if left := o.Apply(load()); len(left) != 1 || left[0].Store != "bbbb" {
		t.Errorf("left are %+v", left)
	}
	renewed := shop()
	renewed.Signed = now.Add(time.Second)
	put(renewed)
	if left := o.Apply(load()); len(left) != 2 {
		t.Errorf("a store that was in use since is given up: %+v", left)
	}
	if err := o.Follow(t.Context(), st, "eeee"); err != nil || len(st) != 1 || len(load()) != 1 {
		raw, _ := json.Marshal(st)
		t.Errorf("%v: left is %s", err, raw)
	}
}
