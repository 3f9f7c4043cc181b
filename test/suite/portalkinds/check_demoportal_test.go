package portalkinds

import (
	"strings"
	"testing"

	"github.com/secondgate/secondgate"
)

func TestDemoPortalIsAllRight(t *testing.T) {
	t.Parallel()
	address, input := demo(t)
	check(t, strings.ReplaceAll(secondgate.Example, "127.0.0.1:8081", address), input).allOK(t)
}
