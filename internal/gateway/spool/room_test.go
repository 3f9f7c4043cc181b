package spool

import (
	"errors"
	"fmt"
	"testing"

	"github.com/secondgate/secondgate/internal/disk"
)

// TestBudget_LeavesReserve: files are used only while the disk keeps its reserve, also if other
// programs fill the disk. They are used again when there is room.
func TestBudget_LeavesReserve(t *testing.T) {
	const mib = 1 << 20
	var free int64
	var failed error
	b := &Budget{Memory: 1 << 30, AddressMemory: 1 << 30, Disk: 1 << 40, AddressDisk: 1 << 40,
		Room: func() (int64, error) { return free, failed }}
	fill := func() int64 {
		s := New(1<<30, b, "192.0.2.1")
		defer s.Close()
		n := int64(0)
		for ; n < 64; n++ {
			if _, err := s.Write(make([]byte, mib)); err != nil {
				if !errors.Is(err, ErrFull) {
					t.Error(err)
				}
				break
			}
			if n > 0 { // the first is in memory
				free -= mib
			}
		}
		return n
	}
	if free = 20 * mib; fill() != 21 || free != 0 {
		t.Errorf("%d bytes are left for a file of 20 MiB", free)
	}
	if n := fill(); n != 1 {
		t.Errorf("a full disk takes %d MiB", n-1)
	}
	if free = 3 * mib; fill() != 4 {
		t.Error("a disk with room again takes nothing")
	}
	free, failed = 64*mib, errors.New("no such disk")
	if n := fill(); n != 1 {
		t.Errorf("a disk that can't be looked at takes %d MiB", n-1)
	}
	failed = nil
	s := New(1<<30, b, "192.0.2.1")
	defer s.Close()
	writeAll(t, s, make([]byte, 3*mib), mib)
	free = 0 // others fill it
	for n := range 64 {
		if _, err := s.Write(make([]byte, mib)); err == nil {
			continue
		}
		if n*mib > look {
			t.Errorf("a disk that others filled takes %d MiB more", n)
		}
		return
	}
	t.Error("a disk that others filled takes everything")
}

// TestBudget_Network: all addresses of one IPv6 network together have one budget.
func TestBudget_Network(t *testing.T) {
	b := &Budget{Memory: 1 << 30, AddressMemory: 4 * inMemory}
	kept := 0
	for i := range 8 {
		s := New(inMemory, b, fmt.Sprintf("2001:db8::%d", i))
		defer s.Close()
		if _, err := s.Write(make([]byte, inMemory)); err == nil {
			kept++
		}
	}
	if kept != 4 {
		t.Errorf("one network keeps %d MiB", kept)
	}
	if _, err := New(inMemory, b, "2001:db8:0:1::1").Write(make([]byte, inMemory)); err != nil {
		t.Errorf("another network: %v", err)
	}
}

func TestBeyondReserve(t *testing.T) {
	const gib = 1 << 30
	for s, want := range map[disk.Space]int64{
		{Free: 10 * gib, Size: 10 * gib}:      9 * gib,
		{Free: 1 * gib, Size: 10 * gib}:       0,
		{Free: gib - 1, Size: 10 * gib}:       0,
		{Free: 128<<20 + 5, Size: 512 << 20}:  5,
		{Free: 64 << 20, Size: 64 << 20}:      0,
		{Free: 1000 * gib, Size: 9000 * gib}:  996 * gib,
		{Free: 1 << 63, Size: ^uint64(0) - 1}: 1<<63 - maxReserve,
	} {
		if got := beyondReserve(s); got != want {
			t.Errorf("%+v: %d, want %d", s, got, want)
		}
	}
}
