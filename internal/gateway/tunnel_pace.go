package gateway

import (
	"bytes"
	"encoding/binary"
	"time"
)

// Bytes of a client that wait (see mayComeIn) would reach the portal in one piece, although the
// client sent them as messages one after another. Portals may depend on the time in between:
// Node-RED refuses a subscription that it reads before it has looked up the token in the message
// before. So the first message that waited goes on alone, and the next bytes follow heldGap later.

// heldGap is longer than portals take to look up a session.
const heldGap = 100 * time.Millisecond

// pace separates the first message that waited from the bytes after it.
type pace struct {
	framing
	// splits says that the first message that waited is not complete yet.
	splits bool
	// until is when the next bytes may follow; zero for at once.
	until time.Time
	// rest are bytes of the client after the first message. They are read next.
	rest []byte
}

// split is called with bytes that go on to the portal at the given time. waited says that they had
// to wait. It returns how many of them go on now, and keeps the others in rest.
func (p *pace) split(b []byte, waited bool, now time.Time) int {
	if p.splits = p.splits || waited; !p.splits {
		for rest := b; len(rest) > 0; {
			n, _ := p.frame(rest)
			rest = rest[n:]
		}
		return len(b)
	}
	n, whole := p.frame(b)
	if whole {
		p.splits, p.until = false, now.Add(heldGap)
	}
	p.rest = append(bytes.Clone(b[n:]), p.rest...)
	return n
}

// framing finds where the frames of a WebSocket end (RFC 6455 5.2). Of other bytes it finds some
// end, too; it refuses none. The zero value is at the beginning of a frame.
type framing struct {
	// header is the part of the present frame's header that is known; empty once it is complete.
	header []byte
	// left is how much of the frame's payload is missing.
	left uint64
}

// frame returns how many of the bytes belong to the present frame, and whether it ends there.
func (f *framing) frame(b []byte) (n int, whole bool) {
	for f.left == 0 && n < len(b) {
		f.header = append(f.header, b[n])
		n++
		if size, ok := payload(f.header); ok {
			f.header, f.left = f.header[:0], size
			if size == 0 {
				return n, true
			}
		}
	}
	k := min(uint64(len(b)-n), f.left)
	f.left -= k
	return n + int(k), k > 0 && f.left == 0
}

// payload returns the length of a frame's payload. ok is false if the header is incomplete.
func payload(header []byte) (size uint64, ok bool) {
	if len(header) < 2 {
		return 0, false
	}
	size = uint64(header[1] & 0x7f)
	extended, mask := map[uint64]int{126: 2, 127: 8}[size], int(header[1]>>7)*4
	if len(header) < 2+extended+mask {
		return 0, false
	}
	switch extended {
	case 2:
		size = uint64(binary.BigEndian.Uint16(header[2:]))
	case 8:
		size = binary.BigEndian.Uint64(header[2:])
	}
	return size, true
}
