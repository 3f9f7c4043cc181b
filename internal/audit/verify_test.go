package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/memory"
	"github.com/secondgate/secondgate/internal/store/records"
)

// open is a store with so many entries, a day apart.
func open(t *testing.T, n int) *records.DB {
	t.Helper()
	db := records.Open(memory.New(), records.Options{})
	t.Cleanup(func() { db.Close() })
	grow(t, db, 0, n)
	return db
}

var began = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func grow(t *testing.T, db *records.DB, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		e := store.Event{At: began.AddDate(0, 0, i), Kind: store.EventPassed, Realm: "r", User: fmt.Sprint("<user> ", i)}
		if err := db.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	_, err := db.Settle(t.Context(), 2000, func(last store.Entry, pending [][]byte) (store.Settled, error) {
		entries, err := Chain(last, pending)
		return store.Settled{Entries: entries}, err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// tampered is a store with changed entries.
type tampered struct {
	Reader
	change func(e []store.Entry) []store.Entry
}

func (s tampered) Entries(ctx context.Context, q store.EntryQuery) (store.EntryPage, error) {
	after, _ := strconv.ParseUint(q.After, 10, 64)
	all, err := s.Reader.Entries(ctx, store.EntryQuery{Limit: 1000})
	if err != nil {
		return all, err
	}
	page := store.EntryPage{}
	for _, e := range s.change(all.Entries) {
		switch {
		case e.Seq <= after:
		case len(page.Entries) == q.Limit:
			page.Next = strconv.FormatUint(page.Entries[q.Limit-1].Seq, 10)
			return page, nil
		default:
			page.Entries = append(page.Entries, e)
		}
	}
	return page, nil
}

// rewritten changes the entries from one on and computes their hashes again, as an attacker who
// knows the format would.
func rewritten(e []store.Entry, from int, change func(raw []byte) []byte) []store.Entry {
	out := append([]store.Entry{}, e[:from]...)
	last := e[from-1]
	for _, old := range e[from:] {
		n := store.Entry{Seq: last.Seq + 1, Prev: last.Hash, Raw: change(old.Raw), Event: old.Event}
		n.Hash = Hash(n)
		out, last = append(out, n), n
	}
	return out
}

// TestVerify: whatever is done to the chain, the first entry that is wrong is named; and
// what holds in itself does not hold against heads that were told before.
func TestVerify(t *testing.T) {
	const n = 700 // more than a page
	db := open(t, n)
	page, err := db.Entries(t.Context(), store.EntryQuery{Limit: 1000})
	if err != nil || len(page.Entries) != n {
		t.Fatal(len(page.Entries), err)
	}
	head := func(seq int) Head { return Head{uint64(seq), page.Entries[seq-1].Hash} }
	for name, test := range map[string]struct {
		change func(e []store.Entry) []store.Entry
		heads  []Head
		at     uint64 // of the first that is wrong; 0 holds
		says   string
	}{
		"untouched": {heads: []Head{head(1), head(300), head(n)}},
		"changed": {func(e []store.Entry) []store.Entry {
			e[599].Raw = bytes.Replace(e[599].Raw, []byte("user"), []byte("eve"), 1)
			return e
		}, nil, 600, "entry 600 was changed"},
		"changed with its hash": {func(e []store.Entry) []store.Entry {
			e[599].Raw = bytes.Replace(e[599].Raw, []byte("user"), []byte("eve"), 1)
			e[599].Hash = Hash(e[599])
			return e
		}, nil, 601, "entry 601 does not follow entry 600"},
		"taken out":         {func(e []store.Entry) []store.Entry { return append(e[:99:99], e[100:]...) }, nil, 100, "entry 100 is missing"},
		"beginning gone":    {func(e []store.Entry) []store.Entry { return e[5:] }, nil, 1, "entry 1 is missing"},
		"exchanged":         {func(e []store.Entry) []store.Entry { e[9], e[10] = e[10], e[9]; e[9].Seq, e[10].Seq = 10, 11; return e }, nil, 10, "entry 10"},
		"cut off":           {func(e []store.Entry) []store.Entry { return e[:500] }, nil, 0, ""},
		"cut off, noticed":  {func(e []store.Entry) []store.Entry { return e[:500] }, []Head{head(n)}, 501, "the end is missing"},
		"all gone, noticed": {func(e []store.Entry) []store.Entry { return nil }, []Head{head(n)}, 1, "the log ends with entry 0"},
		"written anew": {func(e []store.Entry) []store.Entry {
			return rewritten(e, 300, func(raw []byte) []byte { return bytes.Replace(raw, []byte("user"), []byte("eve"), 1) })
		}, nil, 0, ""},
		"written anew, noticed": {func(e []store.Entry) []store.Entry {
			return rewritten(e, 300, func(raw []byte) []byte { return bytes.Replace(raw, []byte("user"), []byte("eve"), 1) })
		}, []Head{head(200), head(400)}, 400, "rewritten"},
	} {
		t.Run(name, func(t *testing.T) {
			var from Reader = db
			if test.change != nil {
				from = tampered{db, test.change}
			}
			r, err := Verify(t.Context(), from, test.heads...)
			if err != nil || r.At != test.at || r.OK() != (test.at == 0) || !strings.Contains(r.Broken, test.says) {
				t.Errorf("%+v, %v", r, err)
			}
			if name == "untouched" && (r.Entries != n || r.First != 1 || r.Last != n || *r.Head != head(n) || r.Base != nil || !r.Oldest.Equal(began)) {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestVerify_Pruned: what retention left is verified from its base on, and only the base.
func TestVerify_Pruned(t *testing.T) {
	db := open(t, 20)
	whole, err := Verify(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := db.PruneEntries(t.Context(), began.AddDate(0, 0, 12), 1000); n != 12 || err != nil {
		t.Fatal(n, err)
	}
	r, err := Verify(t.Context(), db, *whole.Head)
	if err != nil || !r.OK() || r.First != 13 || r.Entries != 8 || r.Base.Seq != 12 || *r.Head != *whole.Head {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := Verify(t.Context(), db, *r.Base); err != nil || !r.OK() {
		t.Errorf("the base itself as a head: %+v, %v", r, err)
	}
	if r, err := Verify(t.Context(), db, Head{12, Hash(store.Entry{})}); err != nil || r.OK() {
		t.Errorf("another base: %+v, %v", r, err)
	}
	if r, err := Verify(t.Context(), db, Head{3, [32]byte{1}}); err != nil || r.OK() || !strings.Contains(r.Broken, "newer head") {
		t.Errorf("a head that was forgotten: %+v, %v", r, err)
	}
	cut := tampered{db, func(e []store.Entry) []store.Entry { return e[1:] }}
	if r, err := Verify(t.Context(), cut); err != nil || r.At != 13 {
		t.Errorf("more was taken from the beginning: %+v, %v", r, err)
	}
	if n, err := db.PruneEntries(t.Context(), began.AddDate(1, 0, 0), 1000); n != 8 || err != nil {
		t.Fatal(n, err)
	}
	grow(t, db, 20, 22)
	if r, err := Verify(t.Context(), db, *whole.Head); err != nil || !r.OK() || r.First != 21 || r.Last != 22 {
		t.Errorf("after all was forgotten: %+v, %v", r, err)
	}
}

// pruning forgets entries while they are read.
type pruning struct {
	*records.DB
	asked int
}

func (p *pruning) Entries(ctx context.Context, q store.EntryQuery) (store.EntryPage, error) {
	if p.asked++; p.asked == 2 {
		if _, err := p.PruneEntries(ctx, began.AddDate(0, 0, 600), 1000); err != nil {
			return store.EntryPage{}, err
		}
	}
	return p.DB.Entries(ctx, q)
}

// TestVerify_WhilePruning: that old entries are forgotten meanwhile is no break.
func TestVerify_WhilePruning(t *testing.T) {
	r, err := Verify(t.Context(), &pruning{DB: open(t, 700)})
	if err != nil || !r.OK() || r.Last != 700 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestExport: what is exported is verified without the store, against any head, and
// every byte of it counts.
func TestExport(t *testing.T) {
	db := open(t, 30)
	if _, err := db.PruneEntries(t.Context(), began.AddDate(0, 0, 5), 1000); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Export(t.Context(), db, store.EntryQuery{}, &out); err != nil {
		t.Fatal(err)
	}
	whole, err := Verify(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	r, err := VerifyExport(bytes.NewReader(out.Bytes()), *whole.Head, *whole.Base)
	if err != nil || !r.OK() || r.Entries != 25 || r.First != 6 || *r.Head != *whole.Head {
		t.Errorf("%+v, %v", r, err)
	}
	changed := strings.Replace(out.String(), "user", "usar", 1)
	if r, err := VerifyExport(strings.NewReader(changed)); err != nil || r.At != 6 {
		t.Errorf("changed: %+v, %v", r, err)
	}
	lines := strings.SplitAfter(out.String(), "\n")
	if r, err := VerifyExport(strings.NewReader(strings.Join(lines[:10], "")), *whole.Head); err != nil || !strings.Contains(r.Broken, "end is missing") {
		t.Errorf("cut off: %+v, %v", r, err)
	}
	if _, err := VerifyExport(strings.NewReader(out.String()[:out.Len()-20])); err == nil || !strings.Contains(err.Error(), "line 25") {
		t.Errorf("broken off in a line: %v", err)
	}
	for _, none := range []string{"hello\n", "{}\n", `{"seq":1,"prev":"00","hash":"00","event":{}}`} {
		if _, err := VerifyExport(strings.NewReader(none)); err == nil {
			t.Errorf("%s is an export", none)
		}
	}
	var some bytes.Buffer
	if err := Export(t.Context(), db, store.EntryQuery{Realm: "r", User: "<user> 7"}, &some); err != nil || strings.Count(some.String(), "\n") != 1 {
		t.Errorf("of one user: %q, %v", some.String(), err)
	}
}

// TestAttack_K4_Forged: a line that says one thing to this program and another to the
// program that shows it does not hold.
func TestAttack_K4_Forged(t *testing.T) {
	db := open(t, 3)
	odd := store.Event{At: began, Kind: store.EventPassed, Realm: "r", User: "a\xffb\ufffd\\ufffd <&> \n", Agent: "\u2028", Detail: map[string]string{"b": "1", "a": "2"}}
	if err := db.Record(t.Context(), odd); err != nil {
		t.Fatal(err)
	}
	grow(t, db, 3, 5)
	var out bytes.Buffer
	if err := Export(t.Context(), db, store.EntryQuery{}, &out); err != nil {
		t.Fatal(err)
	}
	if r, err := VerifyExport(bytes.NewReader(out.Bytes())); err != nil || !r.OK() || r.Entries != 6 {
		t.Fatalf("untouched: %+v, %v", r, err)
	}
	lines := strings.SplitAfter(out.String(), "\n")
	event := lines[1][strings.Index(lines[1], `"event":{`):]
	forged := strings.Replace(event, "user", "eve", 1)
	inner := func(old, new string) string {
		e, err := parseLine([]byte(lines[1]))
		if err != nil {
			t.Fatal(err)
		}
		e.Raw = bytes.Replace(e.Raw, []byte(old), []byte(new), 1)
		e.Hash = Hash(e)
		var line bytes.Buffer
		if err := PrintLines(&line, []Line{LineOf(&e)}); err != nil {
			t.Fatal(err)
		}
		return line.String()
	}
	for name, line := range map[string]string{
		"event and EVENT":                strings.Replace(lines[1], event, forged[:len(forged)-2]+","+strings.Replace(event, `"event"`, `"EVENT"`, 1), 1),
		"event twice":                    strings.Replace(lines[1], event, forged[:len(forged)-2]+","+event, 1),
		"EVENT alone":                    strings.Replace(lines[1], `"event":{`, `"EVENT":{`, 1),
		"seq twice":                      strings.Replace(lines[1], `{"seq":2`, `{"seq":7,"seq":2`, 1),
		"an unknown field":               strings.Replace(lines[1], `{"seq":2`, `{"note":"x","seq":2`, 1),
		"another order":                  `{"hash"` + lines[1][strings.Index(lines[1], `"hash":"`)+6:len(lines[1])-2] + `,` + lines[1][1:strings.Index(lines[1], `,"hash"`)] + "}\n",
		"a blank":                        strings.Replace(lines[1], `{"seq":2`, `{"seq": 2`, 1),
		"a blank behind":                 strings.TrimSuffix(lines[1], "\n") + " \n",
		"a carriage return":              strings.TrimSuffix(lines[1], "\n") + "\r\n",
		"upper case":                     strings.Replace(lines[1], `"hash":"`+hashOf(lines[1]), `"hash":"`+strings.ToUpper(hashOf(lines[1])), 1),
		"in the event, a field twice":    inner(`"realm"`, `"user_id":"eve","realm"`),
		"in the event, an unknown field": inner(`"realm"`, `"User":"eve","realm"`),
		"in the event, another case":     inner(`"user_id"`, `"User_ID"`),
		"in the event, another escape":   inner(`"r"`, `"\u0072"`),
	} {
		if line == lines[1] {
			t.Fatalf("%s: nothing was forged", name)
		}
		r, err := VerifyExport(strings.NewReader(lines[0] + line))
		if err != nil || r.OK() || r.At != 2 || !strings.Contains(r.Broken, "entry 2 is not written as it was exported") || r.Entries != 1 {
			t.Errorf("%s: %+v, %v\n%s", name, r, err, line)
		}
	}
	if r, err := VerifyExport(strings.NewReader(lines[0] + strings.TrimSuffix(lines[1], "\n"))); err != nil || r.At != 2 {
		t.Errorf("without its line end: %+v, %v", r, err)
	}
}

func hashOf(line string) string {
	_, hash, _ := strings.Cut(line, `"hash":"`)
	return hash[:64]
}

// TestAttack_K4_Empty: an empty file is no log that holds, with heads or without.
func TestAttack_K4_Empty(t *testing.T) {
	for _, heads := range [][]Head{nil, {{5, [32]byte{1}}}} {
		if r, err := VerifyExport(strings.NewReader(""), heads...); !errors.Is(err, ErrNoEntry) || !strings.Contains(err.Error(), "no entry") {
			t.Errorf("%d heads: %+v, %v", len(heads), r, err)
		}
	}
}

// TestParseHead: a head is read back as it is told, and nothing else is one.
func TestParseHead(t *testing.T) {
	h := Head{42, sha256.Sum256(nil)}
	if got, err := ParseHead(h.String()); err != nil || got != h {
		t.Errorf("%v, %v", got, err)
	}
	for _, s := range []string{"", "42", "42:", ":" + fmt.Sprintf("%x", h.Hash), "0:" + fmt.Sprintf("%x", h.Hash), "-1:00", "42:00", h.String() + "00", "x:" + fmt.Sprintf("%x", h.Hash)} {
		if _, err := ParseHead(s); err == nil || !strings.Contains(err.Error(), "SEQ:HASH") {
			t.Errorf("%q: %v", s, err)
		}
	}
}
