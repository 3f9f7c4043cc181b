package body_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/portal/body"
)

// TestAttack_WorkOfNames: names in the header of a part are read in time that grows with
// its length, not with its square: 64 KiB took 6 s, and a stranger sends 32 MiB.
func TestAttack_WorkOfNames(t *testing.T) {
	for _, name := range []string{`"name=[`, `,name="`, ` name="\`, ` name=`} {
		text := strings.Repeat("--b\r\nContent-Disposition: form-data"+strings.Repeat(name, 16000/len(name))+"\r\n\r\n\r\n", 4)
		began := time.Now()
		_, _ = body.Scan(http.Header{"Content-Type": {"multipart/form-data; boundary=b"}}, func() io.Reader { return strings.NewReader(text) }, body.SessionName)
		if took := time.Since(began); took > 250*time.Millisecond {
			t.Errorf("%q: %d bytes take %s", name, len(text), took)
		}
	}
}
