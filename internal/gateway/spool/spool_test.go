package spool

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
)

// TestSpool_KeepsOrder: what was written is read back, below and above the size that
// goes to a file, whatever the sizes of the writes; and no file has a name.
func TestSpool_KeepsOrder(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for _, size := range []int{0, 1, inMemory - 1, inMemory, inMemory + 1, 3*inMemory + 7} {
		for _, chunk := range []int{1000, 32 << 10, inMemory, 4 * inMemory} {
			name := fmt.Sprintf("%d bytes in pieces of %d", size, chunk)
			want := random(size)
			s := New(int64(size), nil, "")
			writeAll(t, s, want, chunk)
			if (s.file != nil) != (size > inMemory) {
				t.Errorf("%s: in a file: %v", name, s.file != nil)
			}
			if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
				t.Errorf("%s: a file with a name: %v %v", name, names, err)
			}
			if got, err := io.ReadAll(s); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d came back, %v", name, len(got), err)
			}
			if got, err := io.ReadAll(io.NewSectionReader(s, 0, s.Size())); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: ReadAt: %d came back, %v", name, len(got), err)
			}
			if _, err := s.Write([]byte("x")); !errors.Is(err, ErrFull) {
				t.Errorf("%s: above the limit: %v", name, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func random(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.Read(b)
	return b
}

func writeAll(t *testing.T, s *Spool, p []byte, chunk int) {
	t.Helper()
	for len(p) > 0 {
		n := min(chunk, len(p))
		if m, err := s.Write(p[:n]); err != nil || m != n {
			t.Fatal(m, err)
		}
		p = p[n:]
	}
}

// TestSpool_ReadsWhatIsThere: a reader that caught up goes on when more is written, across
// the border between memory and file, and ReadAt does not move it.
func TestSpool_ReadsWhatIsThere(t *testing.T) {
	s := New(4*inMemory, nil, "")
	defer s.Close()
	want := random(2*inMemory + 10)
	var got []byte
	buf := make([]byte, 100<<10)
	for at := 0; at < len(want); {
		n := min(60<<10, len(want)-at)
		writeAll(t, s, want[at:at+n], n)
		at += n
		m, err := s.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buf[:m]...)
		if _, err := s.ReadAt(make([]byte, 10), 0); err != nil {
			t.Fatal(err)
		}
	}
	rest, err := io.ReadAll(s)
	if got = append(got, rest...); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d of %d bytes came back in order, %v", len(got), len(want), err)
	}
	if n, err := s.ReadAt(make([]byte, 10), s.Size()-3); n != 3 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %d, %v", n, err)
	}
}

// TestSpool_Close: a part is never taken for the whole. What is in memory only can still
// be read; a spool with a file fails.
func TestSpool_Close(t *testing.T) {
	small := New(1<<20, nil, "")
	writeAll(t, small, []byte("form"), 4)
	small.Close()
	if got, err := io.ReadAll(small); err != nil || string(got) != "form" {
		t.Errorf("in memory: %q, %v", got, err)
	}
	large := New(4*inMemory, nil, "")
	writeAll(t, large, random(2*inMemory), inMemory)
	for range 2 {
		if err := large.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := io.ReadAll(large); !errors.Is(err, os.ErrClosed) {
		t.Errorf("read after Close: %v", err)
	}
	if _, err := large.ReadAt(make([]byte, 1), 0); !errors.Is(err, os.ErrClosed) {
		t.Errorf("ReadAt after Close: %v", err)
	}
	if _, err := large.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("written after Close: %v", err)
	}
}

// TestSpool_Reset: a spool that was reset has all of its limit again, and nothing of what
// it had.
func TestSpool_Reset(t *testing.T) {
	b := NewBudget()
	s := New(2*inMemory, b, "192.0.2.1")
	for range 3 {
		want := random(2 * inMemory)
		writeAll(t, s, want, 64<<10)
		if got, err := io.ReadAll(s); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		if s.Reset(); s.Size() != 0 || s.file != nil || len(s.Bytes()) != 0 {
			t.Fatalf("after Reset: size %d, file %v", s.Size(), s.file != nil)
		}
		checkUsed(t, b, "after Reset", used{})
	}
	s.Close()
}

func checkUsed(t *testing.T, b *Budget, when string, want used) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var each used
	for _, u := range b.each {
		each.add(*u)
	}
	if b.sum != want || each != want {
		t.Errorf("%s: used %+v, by address %+v; want %+v", when, b.sum, each, want)
	}
	if want == (used{}) && len(b.each) > 0 {
		t.Errorf("%s: %d addresses are remembered", when, len(b.each))
	}
}

// TestBudget_FreeBytes: 64 KiB of every spool are denied by no budget; the next byte is.
func TestBudget_FreeBytes(t *testing.T) {
	empty := &Budget{}
	for range 3 {
		s := New(1<<20, empty, "192.0.2.1")
		writeAll(t, s, random(Free), 1000)
		if _, err := s.Write([]byte("x")); !errors.Is(err, ErrFull) {
			t.Errorf("above the free bytes: %v", err)
		}
		if s.Size() != Free {
			t.Errorf("%d bytes are kept", s.Size())
		}
	}
	checkUsed(t, empty, "free bytes", used{})
}

// TestBudget_AddressAndSum: one address does not use up what all have, and all together
// stay below the sum; memory and disk are counted apart.
func TestBudget_AddressAndSum(t *testing.T) {
	const piece = 512 << 10
	b := &Budget{Memory: 4 * piece, AddressMemory: 2 * piece, Disk: 1 << 30, AddressDisk: 2 << 20}
	fills := func(address string) (*Spool, bool) {
		s := New(1<<20, b, address)
		_, err := s.Write(make([]byte, piece))
		return s, err == nil
	}
	var open []*Spool
	for _, step := range []struct {
		address string
		want    bool
	}{
		{"192.0.2.97", true}, {"192.0.2.97", true}, {"192.0.2.97", false}, {"192.0.2.98", true}, {"192.0.2.98", true}, {"192.0.2.98", false}, {"192.0.2.99", false},
	} {
		s, ok := fills(step.address)
		if ok != step.want {
			t.Errorf("address %s, %d open: taken %v", step.address, len(open), ok)
		}
		if ok {
			open = append(open, s)
		}
	}
	checkUsed(t, b, "full", used{memory: 4 * piece})
	open[0].Close()
	if _, ok := fills("192.0.2.99"); !ok {
		t.Error("what was given back can't be taken again")
	}
	// A file is another budget; its bytes above the address's are refused.
	disk := New(64<<20, &Budget{Disk: 1 << 30, AddressDisk: 2 << 20, Memory: 1 << 30, AddressMemory: 1 << 30}, "192.0.2.100")
	writeAll(t, disk, make([]byte, 3<<20), inMemory) // 1 MiB in memory, 2 MiB on disk
	if _, err := disk.Write(make([]byte, 1)); !errors.Is(err, ErrFull) {
		t.Errorf("above the address's disk: %v", err)
	}
	disk.Close()
}

// TestBudget_Concurrent: spools of many addresses give back exactly what they took.
func TestBudget_Concurrent(t *testing.T) {
	b := &Budget{Memory: 8 << 20, AddressMemory: 2 << 20, Disk: 16 << 20, AddressDisk: 4 << 20}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for range 20 {
				s := New(4<<20, b, fmt.Sprint("192.0.2.", i%5))
				for range 12 {
					_, _ = s.Write(make([]byte, 200<<10))
				}
				if i%2 == 0 {
					s.Reset()
					_, _ = s.Write(make([]byte, 100<<10))
				}
				s.Close()
				s.Close()
			}
		})
	}
	wg.Wait()
	checkUsed(t, b, "afterwards", used{})
}

// TestAttack_H9_ManyWithheldResponses: strangers have 100 downloads withheld at once. All together they stay below the budget in sum, those
// of one address below that of an address, and every response has the 64 KiB that no
// budget denies.
func TestAttack_H9_ManyWithheldResponses(t *testing.T) {
	const mib = 1 << 20
	b := &Budget{Memory: 8 * mib, Disk: 8 * mib, AddressMemory: 2 * mib, AddressDisk: 2 * mib}
	var open []*Spool
	fill := func(address string, responses int) (kept int64) {
		for range responses {
			s := New(2*mib, b, address)
			open = append(open, s)
			for err := error(nil); err == nil; {
				_, err = s.Write(make([]byte, 16<<10))
			}
			if s.Size() < Free {
				t.Fatalf("a response keeps %d bytes", s.Size())
			}
			kept += s.Size()
		}
		return kept
	}
	var sum int64
	for i := range 10 {
		kept := fill(fmt.Sprint("192.0.2.", i), 10)
		if bound := b.AddressMemory + b.AddressDisk + 10*Free; kept > bound {
			t.Errorf("one address keeps %d bytes, above %d", kept, bound)
		}
		sum += kept
	}
	if bound := b.Memory + b.Disk + int64(len(open))*Free; sum > bound {
		t.Errorf("all keep %d bytes, above %d", sum, bound)
	}
	for _, s := range open {
		s.Close()
	}
	checkUsed(t, b, "all closed", used{})
}
