package badger

import (
	"fmt"
	"syscall"

	"github.com/secondgate/secondgate/internal/disk"
)

// minFree is what must be free on the disk before anything is written. Badger maps
// its sparse logs into memory, and a write to a page for which the disk has no room
// is no error but a SIGBUS, which ends the server. The reserve covers what may be
// written between two looks: logs, a flushed table, a compaction.
const minFree = 32 << 20

// FreeSpace returns how many bytes this process may still write in dir, or the greatest number
// if that is unknown.
func FreeSpace(dir string) (uint64, error) {
	space, err := disk.Of(dir)
	return space.Free, err
}

// closeFree is what must be free for closing, which writes the memory's end (2 MB) into a
// table. Badger does so in a goroutine of its own, where a SIGBUS can't be caught.
const closeFree = 8 << 20

// room reports whether there is room for a change.
func (e *Engine) room() error { return e.roomFor(minFree) }

func (e *Engine) roomFor(need uint64) error {
	free, err := FreeSpace(e.dir)
	if err != nil {
		return fmt.Errorf("looking for free space in %s: %w", e.dir, err)
	}
	if free < need {
		return fmt.Errorf("only %d MB are free for the store in %s, it needs %d MB: %w", free>>20, e.dir, need>>20, syscall.ENOSPC)
	}
	return nil
}
