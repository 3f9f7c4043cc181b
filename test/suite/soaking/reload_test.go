//go:build crash

package soaking

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestReplacedConfigurations: the visits that a configuration served do not keep it in
// memory when it is replaced. (They did, with some 900 kB of pages each time.)
func TestReplacedConfigurations(t *testing.T) {
	needProc(t)
	portal := httptest.NewServer(newManyPortal())
	defer portal.Close()
	p := newProgram(t, portal.URL)
	p.start()
	visits := make([]*harness.Browser, 11)
	for i := range visits {
		visits[i] = harness.NewBrowser(t, p.base)
		visits[i].SignIn(fmt.Sprint("customer", i))
	}
	before := p.afterReloads(visits[:1])
	after := p.afterReloads(visits[1:])
	if after.heap > before.heap+4<<10 {
		t.Errorf("10 reloads with a visit in each: %v, before them %v", after, before)
	}
}

// afterReloads reloads after each of these visits has asked for a page, and for no more.
func (p *program) afterReloads(visits []*harness.Browser) weight {
	p.t.Helper()
	for _, b := range visits {
		for tries := 10; ; tries-- { // the listener of the configuration before may cut it
			page, err := b.Try(b.Request("GET", "/account", nil))
			if err == nil && page.Status == 200 {
				break
			} else if tries == 0 {
				p.t.Fatal(page, err)
			}
		}
		b.Client.CloseIdleConnections()
		if err := p.reload(); err != nil {
			p.t.Fatal(err)
		}
	}
	return p.settled(func(weight) bool { return false }, restTime)
}
