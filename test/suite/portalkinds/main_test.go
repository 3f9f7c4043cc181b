package portalkinds

import (
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

func TestMain(m *testing.M) { harness.CommandMain(m) }
