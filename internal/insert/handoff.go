package insert

import "io"

// handoff lets a worker read what a writer writes, so that only one of the two runs at
// a time: give returns when the worker asks for more and has used up all it was given.
// So the worker can be written as if it read a file, decompressors included, and nothing
// needs a lock. (iter.Pull does the same, but may not change threads.)
//
// There is back-pressure in the other direction, too: the worker calls pause when it has
// made enough output, and goes on when the writer has taken it.
type handoff struct {
	in     chan []byte
	idle   chan struct{} // the worker waits: for output to be taken if full, else for input
	resume chan struct{}
	cur    []byte
	// given counts the bytes that the writer gave so far.
	given int64
	// begun: the worker has asked once. over: nothing comes any more.
	begun, over bool
	// full: the worker waits for its output to be taken. gone: its output is not taken any more.
	full, gone bool
	// ended is the writer's: the worker has returned.
	ended bool
}

func newHandoff() *handoff {
	return &handoff{in: make(chan []byte), idle: make(chan struct{}), resume: make(chan struct{})}
}

// Read is the worker's.
func (h *handoff) Read(p []byte) (int, error) {
	if h.gone {
		return 0, errClosed
	}
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

// pause is the worker's: it waits until the writer has taken what was made. An error
// says that nothing is taken any more.
func (h *handoff) pause() error {
	h.full = true
	h.idle <- struct{}{}
	<-h.resume
	if h.gone {
		return errClosed
	}
	return nil
}

// leave ends the worker's side of the handoff.
func (h *handoff) leave() { close(h.idle) }

// give passes p to the worker and returns when it is used up; nil is the end of the input.
// Whenever the worker pauses, give calls take with its output. If take fails, the worker's
// output fails, too, and give returns that error.
func (h *handoff) give(p []byte, take func() error) (err error) {
	if h.ended {
		return nil
	}
	if p == nil {
		close(h.in)
	} else {
		h.given += int64(len(p))
		h.in <- p
	}
	for {
		if _, more := <-h.idle; !more {
			h.ended = true
			return err
		}
		if !h.full {
			return err
		}
		if !h.gone {
			err = take()
		}
		h.full, h.gone = false, h.gone || err != nil
		h.resume <- struct{}{}
	}
}
