package whoami

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/config"
)

// TestAttack_MisnestedPage: a whoami page of 100 kB (1 MiB is taken) in which a user could put
// unbalanced formatting. HTML's rules have each paragraph repeat all open formatting elements, so the
// parsed page is hundreds of times as large.
func TestAttack_MisnestedPage(t *testing.T) {
	q, err := Compile(config.Whoami{URI: "/me", Anonymous: []config.Sign{{Status: []int{401}}}, User: &config.Extractor{HTML: "#id"}})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(`<div><p id=id>bob</p>`)
	for i := range 450 {
		fmt.Fprintf(&b, "<b a%d>", i)
	}
	b.WriteString("</div>")
	b.WriteString(strings.Repeat("<p>x</p>", 12000))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	v := q.Judge(Response{Status: 200, Body: []byte(b.String())})
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	grown := (after.TotalAlloc - before.TotalAlloc) >> 20
	t.Logf("%d bytes: %v, allocated %d MiB, verdict %+v", b.Len(), took, grown, v)
	if grown > 64 {
		t.Errorf("a page of %d bytes took %d MiB and %v", b.Len(), grown, took)
	}
}
