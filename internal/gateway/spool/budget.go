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
	// Room reports how many bytes of files the disk takes besides the reserve that is left
	// on it; see [Room]. Nil bounds nothing.
	Room func() (int64, error)

	mu   sync.Mutex
	sum  used
	each map[network.Network]*used
	// room is what Room said, without what was taken since; looked says how much that is.
	room, looked int64
}

type used struct{ memory, disk int64 }

// NewBudget returns the budget of a server: 128 MiB of memory and 4 GiB of files in sum,
// a quarter of each for one address, and no files that use up the disk.
func NewBudget() *Budget {
	return &Budget{Memory: 128 << 20, Disk: 4 << 30, AddressMemory: 32 << 20, AddressDisk: 1 << 30, Room: Room}
}

// grant is what one spool has of a budget.
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

// hasRoom reports whether the disk takes n more bytes, and counts them. It looks at the disk
// once in a while, and whenever what it found last is used up: others write there, too, and
// files end. What can't be found out is no room.
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
