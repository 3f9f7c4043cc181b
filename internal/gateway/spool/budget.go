package spool

import "sync"

// Budget bounds what all spools keep together, in bytes, beyond the Free bytes of each:
// in sum, and for one client address. It is safe for concurrent use.
type Budget struct {
	// Memory and Disk bound the sum; AddressMemory and AddressDisk one address.
	Memory, Disk, AddressMemory, AddressDisk int64

	mu   sync.Mutex
	sum  used
	each map[string]*used
}

type used struct{ memory, disk int64 }

// NewBudget returns the budget of a server: 128 MiB of memory and 4 GiB of files in sum,
// a quarter of each for one address.
func NewBudget() *Budget {
	return &Budget{Memory: 128 << 20, Disk: 4 << 30, AddressMemory: 32 << 20, AddressDisk: 1 << 30}
}

// grant is what one spool has of a budget.
type grant struct {
	b       *Budget
	address string
	used
}

func (b *Budget) grant(address string) *grant {
	if b == nil {
		return nil
	}
	return &grant{b: b, address: address}
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
	if b.each == nil {
		b.each = make(map[string]*used)
	}
	b.each[g.address] = mine
	for _, u := range []*used{&b.sum, mine, &g.used} {
		u.add(more)
	}
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
