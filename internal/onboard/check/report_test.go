package check

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestReport(t *testing.T) {
	var r Report
	add := func(name string, o outcome) { o.Name = name; r.Rows = append(r.Rows, o.Row) }
	add("first", ok("saw %s", "it"))
	if r.Failed() {
		t.Errorf("%+v", r)
	}
	add("second", skipped("why"))
	add("third", failed("\x1b[2Jwhat\nwas \u009bseen", "what to do"))
	var table, program bytes.Buffer
	if err := r.WriteTable(&table); err != nil || !r.Failed() {
		t.Fatal(err)
	}
	const want = "ok         first   saw it\nnot tried  second  why\nFAILED     third    [2Jwhat was  seen\n                   → what to do\n"
	if table.String() != want {
		t.Errorf("table\n%q\nwant\n%q", table.String(), want)
	}
	if err := r.WriteJSON(&program); err != nil {
		t.Fatal(err)
	}
	var again Report
	if err := json.Unmarshal(program.Bytes(), &again); err != nil || len(again.Rows) != 3 || again.Rows[2] != r.Rows[2] {
		t.Errorf("JSON %s, %v", program.String(), err)
	}
}
