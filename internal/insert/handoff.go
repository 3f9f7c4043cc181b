package insert

import "io"

// handoff lets a worker read what a writer writes, so that only one of the two runs at
// a time: Write returns when the worker asks for more, and has used up all it was
// given. So the worker can be written as if it read a file, decompressors included, and
// nothing needs a lock. (iter.Pull does the same, but may not change threads.)
type handoff struct {
	in   chan []byte
	idle chan struct{}
	cur  []byte
	// begun: the worker has asked once. over: nothing comes any more.
	begun, over bool
	// ended is the writer's: the worker has returned.
	ended bool
}

func newHandoff() *handoff {
	return &handoff{in: make(chan []byte), idle: make(chan struct{})}
}

// Read is the worker's.
func (h *handoff) Read(p []byte) (int, error) {
	if len(h.cur) == 0 {
		if h.over {
			return 0, io.EOF
		}
		if h.begun {
			h.idle <- struct{}{}
		}
		h.begun = true
		cur, ok := <-h.in
		if !ok {
			h.over = true
			return 0, io.EOF
		}
		h.cur = cur
	}
	n := copy(p, h.cur)
	h.cur = h.cur[n:]
	return n, nil
}

// leave is the worker's last act.
func (h *handoff) leave() { close(h.idle) }

// give has the worker use p up; nil is the end.
func (h *handoff) give(p []byte) {
	if h.ended {
		return
	}
	if p == nil {
		close(h.in)
	} else {
		h.in <- p
	}
	if _, more := <-h.idle; !more {
		h.ended = true
	}
}
