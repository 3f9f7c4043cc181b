package check

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secondgate/secondgate"
	"github.com/secondgate/secondgate/test/kit/portals"
)

func TestDemoPortalIsAllRight(t *testing.T) {
	t.Parallel()
	address, input := demo(t)
	check(t, strings.ReplaceAll(secondgate.Example, "127.0.0.1:8081", address), input).allOK(t)
}

// site is a Caddyfile with one site, with names and ports that no other test may use.
const site = `https://portal.example.com {
	two_factor {
%s
	}
	reverse_proxy %s
}
`

func lines(p *portals.Portal) []string {
	return []string{p.Alice.Name, p.Alice.Password, p.Bob.Name, p.Bob.Password}
}

// TestWordPress: WordPress passes with its preset, its side doors are recognised, and opening one
// of them fails the check.
func TestWordPress(t *testing.T) {
	t.Parallel()
	p := portals.WordPress(t)
	address := strings.TrimPrefix(p.URL, "http://")
	r := check(t, fmt.Sprintf(site, "portal wordpress", address), lines(p))
	r.allOK(t)
	r.open(t, "side door XML-RPC", "/xmlrpc.php")
	wrong := fmt.Sprintf(site, "portal wordpress {\nwithout deny /xmlrpc.php\n}", address)
	check(t, wrong, lines(p)).fails(t, "side door XML-RPC", "/xmlrpc.php answers 200", "`deny /xmlrpc.php`")
}

// TestDokuWiki: DokuWiki passes with its preset, its side doors are recognised, and the check
// fails when only its session's cookie is unsealed.
func TestDokuWiki(t *testing.T) {
	t.Parallel()
	p := portals.DokuWiki(t)
	address := strings.TrimPrefix(p.URL, "http://")
	r := check(t, fmt.Sprintf(site, "portal dokuwiki", address), lines(p))
	r.allOK(t)
	for _, door := range []string{"Basic", "query login", "form elsewhere"} {
		r.open(t, "side door "+door, "/doku.php")
	}
	r.open(t, "side door XML-RPC", "/lib/exe/xmlrpc.php")
	wrong := fmt.Sprintf(site, "portal dokuwiki\nleave DokuWiki DW*", address)
	check(t, wrong, lines(p)).fails(t, "code before anything", "DW", "take it out of `leave`")
}

// open demands that a door that the gate shuts was open at the portal.
func (r result) open(t *testing.T, row, where string) {
	t.Helper()
	if line := rowOf(r.out, row); !strings.Contains(line, "at the portal itself it is open ("+where+")") {
		t.Errorf("the line %q is %q", row, line)
	}
}
