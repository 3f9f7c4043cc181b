package operations

import (
	"os"
	"testing"

	"github.com/secondgate/secondgate/test/kit/split"
)

func TestMain(m *testing.M) { os.Exit(split.Run(m)) }
