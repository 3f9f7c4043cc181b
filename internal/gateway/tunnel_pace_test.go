package gateway

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// masked is a client's frame with a payload of that size.
func masked(size int) []byte {
	head := []byte{0x81}
	switch {
	case size < 126:
		head = append(head, 0x80|byte(size))
	case size < 1<<16:
		head = binary.BigEndian.AppendUint16(append(head, 0x80|126), uint16(size))
	default:
		head = binary.BigEndian.AppendUint64(append(head, 0x80|127), uint64(size))
	}
	return append(append(head, 1, 2, 3, 4), bytes.Repeat([]byte{0xff}, size)...)
}

// TestFraming: the ends of frames are found, however the bytes are cut into pieces.
func TestFraming(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 125, 126, 300, 65535, 65536}), 1, 4).Draw(t, "sizes")
		var all []byte
		var ends, got []int
		for _, size := range sizes {
			all = append(all, masked(size)...)
			ends = append(ends, len(all))
		}
		var f framing
		for at := 0; at < len(all); {
			piece := all[at:min(len(all), at+rapid.IntRange(1, 40_000).Draw(t, "piece"))]
			n, whole := f.frame(piece)
			if at += n; n == 0 {
				t.Fatal("no progress")
			}
			if whole {
				got = append(got, at)
			}
		}
		if len(got) != len(ends) || got[len(got)-1] != ends[len(ends)-1] {
			t.Errorf("ends %v, want %v", got, ends)
		}
	})
}

// TestPace: of what waited, the first message goes on alone; what follows waits for heldGap. Bytes
// that did not wait go on as they came.
func TestPace(t *testing.T) {
	now := time.Unix(0, 0)
	first, second := masked(10), masked(20)
	both := append(bytes.Clone(first), second...)
	var p pace
	if n := p.split(both, false, now); n != len(both) || !p.until.IsZero() {
		t.Errorf("without a wait: %d of %d, until %v", n, len(both), p.until)
	}
	if n := p.split(both[:3], true, now); n != 3 || !p.until.IsZero() {
		t.Errorf("the begin of a message that waited: %d, until %v", n, p.until)
	}
	if n := p.split(both[3:], false, now); n != len(first)-3 || !bytes.Equal(p.rest, second) || !p.until.Equal(now.Add(heldGap)) {
		t.Errorf("the end of it, and the next: %d, rest %d bytes, until %v", n, len(p.rest), p.until)
	}
	if n := p.split(p.rest, false, now.Add(heldGap)); n != len(second) {
		t.Errorf("the next: %d of %d", n, len(second))
	}
	p.rest = []byte("later")
	if n := p.split(both, true, now); n != len(first) || string(p.rest) != string(second)+"later" {
		t.Errorf("beside bytes that wait already: %d, rest %q", n, p.rest)
	}
}
