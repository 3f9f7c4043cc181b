package soaking

import (
	"crypto/rand"
	"encoding/base64"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/secondgate/secondgate/test/house"
)

// TestReplacedConfigurations: the visits that a configuration served do not keep it in
// memory when it is replaced. (They did, with some 900 kB of pages each time.)
func TestReplacedConfigurations(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("it reads /proc")
	}
	portal := httptest.NewServer(newManyPortal())
	defer portal.Close()
	p := newProgram(t, portal.URL)
	p.start()
	before := p.afterReloads(1)
	after := p.afterReloads(10)
	if after.heap > before.heap+4<<10 {
		t.Errorf("10 reloads with a visit in each: %v, before them %v", after, before)
	}
}

// afterReloads reloads so often, each time after a visit that goes no further.
func (p *program) afterReloads(n int) weight {
	p.t.Helper()
	for range n {
		b := house.NewBrowser(p.t, p.base)
		token := make([]byte, 32)
		rand.Read(token)
		b.SetCookie("sg", base64.RawURLEncoding.EncodeToString(token))
		for tries := 10; ; tries-- { // the listener of the configuration before may cut it
			if _, err := b.Try(b.Request("GET", "/", nil)); err == nil {
				break
			} else if tries == 0 {
				p.t.Fatal(err)
			}
		}
		b.Client.CloseIdleConnections()
		if err := p.reload(); err != nil {
			p.t.Fatal(err)
		}
	}
	return p.settled(func(weight) bool { return false }, restTime)
}
