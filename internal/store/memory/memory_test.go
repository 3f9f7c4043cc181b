package memory_test

import (
	"testing"

	"github.com/secondgate/secondgate/internal/store/kv"
	"github.com/secondgate/secondgate/internal/store/kv/kvtest"
	"github.com/secondgate/secondgate/internal/store/memory"
)

func TestEngine(t *testing.T) { kvtest.Run(t, place) }

func TestEngine_Optimistic(t *testing.T) { kvtest.RunOptimistic(t, place) }

// place opens an engine, and later one with the records of the one before.
func place(*testing.T) kvtest.Open {
	var last *memory.Engine
	return func(*testing.T) kv.Engine {
		if last == nil {
			last = memory.New()
		} else {
			last = last.Reopen()
		}
		return last
	}
}
