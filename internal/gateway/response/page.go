package response

import (
	"net/http"

	"github.com/secondgate/secondgate/internal/insert"
)

// Page describes what may be inserted into a page of the portal. The zero value inserts nothing.
type Page struct {
	// Pieces returns what is inserted into a response with this header; nil for nothing.
	Pieces func(h http.Header) []insert.Piece
	// Gzip: the browser takes it.
	Gzip bool
	// Body says that the response has one: not for HEAD.
	Body bool
	// Ended is called with what went wrong and what could not be inserted.
	Ended func(panicked any, err error, missed []string)

	stream *insert.Stream
}

// writeHeader sends status and headers to the client. If there is something to insert, it starts
// the insertion that the body passes through.
func (w *Writer) writeHeader(status int) {
	if w.Page.Pieces != nil {
		w.intoPage(status)
	}
	w.rw.WriteHeader(status)
}

func (w *Writer) intoPage(status int) {
	h := w.rw.Header()
	if status != http.StatusOK || !insert.Fits(h) {
		return
	}
	pieces := w.Page.Pieces(h)
	if len(pieces) == 0 {
		return
	}
	coding := insert.Change(h, w.Page.Gzip)
	if w.Page.Body {
		w.Page.stream = insert.New(w.rw, coding, pieces)
	}
}

// send writes what may go to the client.
func (w *Writer) send(p []byte) (int, error) {
	if w.Page.stream != nil {
		return w.Page.stream.Write(p)
	}
	return w.rw.Write(p)
}

func (w *Writer) flush() error {
	if w.Page.stream != nil {
		if err := w.Page.stream.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(w.rw).Flush()
}

// endPage ends an insertion. Buffered parts of the page are sent only if the page is complete
// and may be released.
func (w *Writer) endPage(whole bool) {
	s := w.Page.stream
	if s == nil {
		return
	}
	w.Page.stream = nil
	if !whole {
		s.Abort()
		return
	}
	err := s.Close()
	w.Page.Ended(s.Panicked, err, s.Missed())
	w.aborted = w.aborted || err != nil // the client must not take a part for the whole
}
