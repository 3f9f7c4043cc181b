package operations

import (
	"bufio"
	"encoding/json"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/audit"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// collector is a log server on loopback.
type collector struct {
	net.Listener
	mu    sync.Mutex
	lines []map[string]any
}

func listen(t *testing.T) *collector {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{Listener: l}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.collect(conn)
		}
	}()
	return c
}

func (c *collector) collect(conn net.Conn) {
	defer conn.Close()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		var line map[string]any
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			line = map[string]any{"broken": lines.Text()}
		}
		c.mu.Lock()
		c.lines = append(c.lines, line)
		c.mu.Unlock()
	}
}

// with are the lines that have this message.
func (c *collector) with(message string) (found []map[string]any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range c.lines {
		if line["msg"] == message {
			found = append(found, line)
		}
	}
	return found
}

// await waits until there are so many.
func (c *collector) await(t *testing.T, message string, n int) []map[string]any {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if found := c.with(message); len(found) >= n {
			return found
		}
	}
	t.Fatalf("%d lines %q, want %d: %v", len(c.with(message)), message, n, c.lines)
	return nil
}

// elsewhere is the option that docs/audit.md shows.
func elsewhere(address string) string {
	return `log audit {
		output net ` + address + `
		format json
		include two_factor.audit
	}`
}

// TestElsewhere: Caddy's log option sends events and heads to another machine, and nothing else.
// After a reload they go to the new configuration's machine. A received head verifies against the
// log.
func TestElsewhere(t *testing.T) {
	first, second := listen(t), listen(t)
	w := startAudited(t, &harness.Legacy{Rotate: true}, func(w *world) { w.logs = elsewhere(first.Addr().String()) })
	w.Browser().SignIn("alice")
	w.events()
	line := first.await(t, "security event", 1)[0]
	if line["logger"] != "two_factor.audit" || line["event"] != "sign_in" || line["user_id"] != "alice" || line["client_ip"] != "127.0.0.1" || line["seq"] != 1.0 {
		t.Errorf("%v", line)
	}
	first.await(t, "audit log head", 1)

	w.logs = elsewhere(second.Addr().String())
	w.reload()
	w.Browser().SignIn("bob")
	w.events()
	event := second.await(t, "security event", 1)[0]
	head := second.await(t, "audit log head", 1)[0]
	if event["user_id"] != "bob" || head["seq"] != event["seq"] || head["hash"] != event["hash"] {
		t.Errorf("the head %v is not that of %v", head, event)
	}
	if n := len(first.with("security event")); n != 1 {
		t.Errorf("%d events where only the first belongs", n)
	}
	for _, c := range []*collector{first, second} {
		c.mu.Lock()
		for _, line := range c.lines {
			if line["logger"] != "two_factor.audit" {
				t.Errorf("something else: %v", line)
			}
		}
		c.mu.Unlock()
	}
	var r audit.Report
	if w.get("/two_factor/audit/verify?head=2:"+head["hash"].(string), &r); !r.OK() || r.Entries != 2 {
		t.Errorf("%+v", r)
	}
}
