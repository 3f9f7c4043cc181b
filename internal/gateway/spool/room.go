package spool

import (
	"math"
	"os"

	"github.com/secondgate/secondgate/internal/disk"
)

// Bounds of the reserve that files leave on the disk: a tenth of it within these. The store
// is often on the same disk, and accepts no code without room for its own files.
const (
	minReserve = 128 << 20
	maxReserve = 4 << 30
)

// Room returns how many bytes the file system of the temporary directory takes besides the
// reserve.
func Room() (int64, error) {
	s, err := disk.Of(os.TempDir())
	if err != nil {
		return 0, err
	}
	return beyondReserve(s), nil
}

func beyondReserve(s disk.Space) int64 {
	reserve := min(max(s.Size/10, minReserve), maxReserve)
	if s.Free <= reserve {
		return 0
	}
	return int64(min(s.Free-reserve, math.MaxInt64))
}
