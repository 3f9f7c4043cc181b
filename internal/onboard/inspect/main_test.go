package inspect

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets many tests run at once: most of their time they wait as long as a slow portal
// may take.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
