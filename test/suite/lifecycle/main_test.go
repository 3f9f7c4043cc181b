package lifecycle

import (
	"os"
	"testing"

	"github.com/secondgate/secondgate/test/kit/split"
)

// atEnd runs after the tests of a process.
var atEnd = func() {}

func TestMain(m *testing.M) {
	status := split.Run(m)
	atEnd()
	os.Exit(status)
}
