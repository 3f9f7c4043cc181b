package protocol

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// portal is a Legacy with the pages that are special to a protocol. Its channels let
// a test and a page that is being answered take turns.
type portal struct {
	harness.Legacy
	// step is waited for between two parts of /events, /slow-download and /upload.
	step chan struct{}
	// gone gets a value when a client went away from /slow-download or /events.
	gone chan struct{}
	// arrived gets what /upload has read so far.
	arrived chan int64
}

func newPortal() *portal {
	p := &portal{step: make(chan struct{}), gone: make(chan struct{}, 8), arrived: make(chan int64, 8)}
	pages := map[string]func(http.ResponseWriter, *http.Request){
		"/events": p.events, "/ws": p.socket, "/hints": hints, "/trailers": trailers, "/big": huge, "/text": text,
		"/upload": p.upload, "/file.bin": file, "/slow-download": p.slowDownload, "/dies": dies,
		"/hangs-up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"/status":   status, "/echo": echo,
	}
	p.Before = func(_ *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		page, ok := pages[r.URL.Path]
		if ok {
			page(w, r)
		}
		return ok
	}
	return p
}

// events sends an event, waits for the test, and sends the next.
func (p *portal) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range 3 {
		fmt.Fprintf(w, "data: %d\n\n", i)
		_ = http.NewResponseController(w).Flush()
		if !p.wait(r) {
			return
		}
	}
}

func (p *portal) slowDownload(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, "begin")
	_ = http.NewResponseController(w).Flush()
	p.wait(r)
	fmt.Fprint(w, "end")
}

// wait returns false when the client went away.
func (p *portal) wait(r *http.Request) bool {
	select {
	case <-p.step:
		return true
	case <-r.Context().Done():
		p.gone <- struct{}{}
		return false
	}
}

// socket echoes each message.
func (p *portal) socket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow() //nolint:errcheck // it is closed already, or never mind
	for {
		kind, msg, err := c.Read(r.Context())
		if err != nil {
			p.gone <- struct{}{}
			return
		}
		if err := c.Write(r.Context(), kind, append([]byte("heard "), msg...)); err != nil {
			return
		}
	}
}

func hints(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Link", "</style.css>; rel=preload; as=style")
	w.WriteHeader(http.StatusEarlyHints)
	w.WriteHeader(http.StatusOK)
	fmt.Fprint(w, "page")
}

// trailers has one that is announced and one that is not.
func trailers(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Trailer", "X-Sum")
	fmt.Fprint(w, "body")
	_ = http.NewResponseController(w).Flush()
	w.Header().Set("X-Sum", "42")
	w.Header().Set(http.TrailerPrefix+"X-Late", "yes")
}

// zeros is an endless source of zero bytes. They arrive in full length, because neither side
// compresses application/octet-stream.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func huge(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.ParseInt(r.FormValue("bytes"), 10, 64)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	if r.Method != http.MethodHead {
		_, _ = io.CopyN(w, zeros{}, n)
	}
}

func text(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprint(w, strings.Repeat("words ", 2000))
}

// upload answers with length and hash of what it read, and reports its first bytes.
func (p *portal) upload(w http.ResponseWriter, r *http.Request) {
	sum := sha256.New()
	n, err := io.CopyN(sum, r.Body, 5)
	if err == nil {
		p.arrived <- n
	}
	rest, err := io.Copy(sum, r.Body)
	if err != nil {
		p.gone <- struct{}{}
		return
	}
	fmt.Fprintf(w, "%d %s", n+rest, hex.EncodeToString(sum.Sum(nil)))
}

var fileContent = strings.Repeat("0123456789", 1000)

func file(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-thing")
	w.Header().Set("ETag", `"v1"`)
	http.ServeContent(w, r, "", time.Unix(1_700_000_000, 0), strings.NewReader(fileContent))
}

// dies promises more than it sends.
func dies(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	fmt.Fprint(w, "half of it")
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// status answers with the status line that the request asks for.
func status(w http.ResponseWriter, r *http.Request) {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprintf(buf, "HTTP/1.1 %s Whatever\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi", r.FormValue("code"))
	_ = buf.Flush()
}

// echo answers with the request that arrived.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Cookie", r.Header.Get("Cookie"))
	w.Header().Set("X-Query", r.URL.RawQuery)
	body, _ := io.ReadAll(r.Body)
	_, _ = w.Write(body)
}
