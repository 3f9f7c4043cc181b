package demoportal

import (
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// tick is how often the clocks tell the time.
const tick = time.Second

// clockEvents streams the time as server-sent events: one at once, then one a second.
func (p *Portal) clockEvents(w http.ResponseWriter, r *http.Request, _ Customer) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	p.everyTick(r, func(now string) error {
		if _, err := fmt.Fprintf(w, "data: %s\n\n", now); err != nil {
			return err
		}
		return out.Flush()
	})
}

// clockSocket sends the same times as text messages of a WebSocket.
func (p *Portal) clockSocket(w http.ResponseWriter, r *http.Request, _ Customer) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = conn.CloseNow() }()
	// Nothing is expected from the browser; reading answers its pings and notices its leaving.
	ctx := conn.CloseRead(r.Context())
	p.everyTick(r.WithContext(ctx), func(now string) error {
		return conn.Write(ctx, websocket.MessageText, []byte(now))
	})
}

// everyTick calls send with the time until it fails or the request ends.
func (p *Portal) everyTick(r *http.Request, send func(now string) error) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for send(p.Clock().UTC().Format(time.RFC3339)) == nil {
		select {
		case <-ticker.C:
		case <-r.Context().Done():
			return
		}
	}
}
