package check

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secondgate/secondgate"
	"github.com/secondgate/secondgate/test/portals"
)

func TestDemoPortalIsAllRight(t *testing.T) {
	address, input := demo(t)
	check(t, strings.ReplaceAll(secondgate.Example, "127.0.0.1:8081", address), input).allOK(t)
}

// site is a Caddyfile with one site, whose names and ports nobody may take.
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

func TestWordPressIsAllRight(t *testing.T) {
	p := portals.WordPress(t)
	address := strings.TrimPrefix(p.URL, "http://")
	r := check(t, fmt.Sprintf(site, "portal wordpress", address), lines(p))
	r.allOK(t)
	t.Log("\n" + r.out)
}

func TestDokuWikiIsAllRight(t *testing.T) {
	p := portals.DokuWiki(t)
	address := strings.TrimPrefix(p.URL, "http://")
	r := check(t, fmt.Sprintf(site, "portal dokuwiki", address), lines(p))
	r.allOK(t)
	t.Log("\n" + r.out)
}
