package insert

import "io"

// handoff connects a writer (Stream) with a worker that reads what is written. Only one of the
// two runs at a time: give returns when the worker has used up all it was given and asks for
// more. So the worker can be written as if it read a file, decompressors included, and nothing
// needs a lock. (iter.Pull does the same, but may not change threads.)
//
// It also has back-pressure: the worker calls pause when it has made enough output, and continues
// when the writer has taken it.
type handoff struct {
	in     chan []byte
	idle   chan struct{} // the worker waits: for output to be taken if full, else for input
	resume chan struct{}
	cur    []byte
	// given counts the bytes that the writer gave so far.
	given int64
	// begun says that the worker has read once; over, that the input has ended.
	begun, over bool
	// full says that the worker waits for its output to be taken; gone, that no output is taken
	// any more.
	full, gone bool
	// ended says that the worker has returned. Only the writer uses it.
	ended bool
}

func newHandoff() *handoff {
	return &handoff{in: make(chan []byte), idle: make(chan struct{}), resume: make(chan struct{})}
}

// Read gives the worker the next input. Only the worker calls it.
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

// pause waits until the writer has taken the output. It returns an error if no output is taken
// any more. Only the worker calls it.
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
