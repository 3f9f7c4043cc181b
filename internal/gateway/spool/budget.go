package spool

import (
	"sync"

	"github.com/secondgate/secondgate/internal/network"
)

// Budget bounds what all spools keep together, in bytes, beyond the Free bytes of each:
// in sum, and for one client address, which is a /64 for IPv6; see [network.Of]. It is safe
// for concurrent use.
type Budget struct {
	// Memory and Disk bound the sum; AddressMemory and AddressDisk one address.
	Memory, Disk, AddressMemory, AddressDisk int64
	// Room reports how many bytes of files fit on the disk without using its reserve; see
	// [Room]. If it is nil, there is no such bound.
	Room func() (int64, error)

	mu   sync.Mutex
	sum  used
	each map[network.Network]*used
	// room is the last result of Room without the bytes that were taken since; looked is how
	// many these are.
	room, looked int64
}

type used struct{ memory, disk int64 }

// NewBudget returns the budget of a server: 128 MiB of memory and 4 GiB of files in sum,
// a quarter of each for one address, and no files that use up the disk.
func NewBudget() *Budget {
	return &Budget{Memory: 128 << 20, Disk: 4 << 30, AddressMemory: 32 << 20, AddressDisk: 1 << 30, Room: Room}
}

// grant is one spool's share of a budget.
type grant struct {
	b       *Budget
	address network.Network
	used
}

func (b *Budget) grant(address string) *grant {
	if b == nil {
		return nil
	}
	return &grant{b: b, address: network.Of(address)}
}

// take takes n bytes of memory or disk, or nothing and returns false.
func (g *grant) take(n int64, disk bool) bool {
	if g == nil {
		return true
	}
	b := g.b
	b.mu.Lock()
	defer b.mu.Unlock()
	mine := b.each[g.address]
	if mine == nil {
		mine = &used{}
	}
	more := used{memory: n}
	if disk {
		more = used{disk: n}
	}
	if b.sum.memory+more.memory > b.Memory || b.sum.disk+more.disk > b.Disk ||
		mine.memory+more.memory > b.AddressMemory || mine.disk+more.disk > b.AddressDisk {
		return false
	}
	if !b.hasRoom(more.disk) {
		return false
	}
	if b.each == nil {
		b.each = make(map[network.Network]*used)
	}
	b.each[g.address] = mine
	for _, u := range []*used{&b.sum, mine, &g.used} {
		u.add(more)
	}
	return true
}

// look is how many bytes are taken at most between two looks at the disk.
const look = 4 << 20

// hasRoom reports whether n more bytes fit on the disk, and counts them. It calls Room again
// after look bytes, and whenever the last result is used up, because other programs write there,
// too, and files are closed. If Room fails, there is no room.
func (b *Budget) hasRoom(n int64) bool {
	if b.Room == nil || n == 0 {
		return true
	}
	if b.looked += n; b.looked >= look || b.room < n {
		room, err := b.Room()
		if err != nil {
			room = 0
		}
		b.room, b.looked = room, 0
	}
	if b.room < n {
		return false
	}
	b.room -= n
	return true
}

func (u *used) add(more used) { u.memory, u.disk = u.memory+more.memory, u.disk+more.disk }

// giveBack returns everything that the spool had.
func (g *grant) giveBack() {
	if g == nil || g.used == (used{}) {
		return
	}
	b := g.b
	b.mu.Lock()
	defer b.mu.Unlock()
	back := used{-g.memory, -g.disk}
	mine := b.each[g.address]
	mine.add(back)
	b.sum.add(back)
	if *mine == (used{}) {
		delete(b.each, g.address)
	}
	g.used = used{}
}
