//go:build crash

package soaking

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// connections are kept alive, and batch requests are sent on each at a time.
	connections = 16
	batch       = 8
)

// strangers sends n requests of strangers, and counts the responses by status. None of them may
// cause a 5xx or a clearance.
func (s *soak) strangers(n int) map[int]int {
	s.mu.Lock()
	s.crowd++
	crowd := s.crowd
	s.mu.Unlock()
	var left atomic.Int64
	left.Store(int64(n))
	answers := make([]map[int]int, connections)
	var all sync.WaitGroup
	for i := range connections {
		answers[i] = make(map[int]int)
		all.Go(func() {
			st := &stranger{soak: s, rand: rand.New(rand.NewPCG(uint64(i), crowd)), answers: answers[i]}
			for left.Add(-batch) > -batch {
				if err := st.hit(); err != nil {
					s.complain("a stranger: %v", err)
					return
				}
			}
			st.hangUp()
		})
	}
	all.Wait()
	sum := make(map[int]int)
	for _, a := range answers {
		for status, n := range a {
			sum[status] += n
		}
	}
	return sum
}

// stranger is one connection.
type stranger struct {
	*soak
	rand    *rand.Rand
	conn    net.Conn
	in      *bufio.Reader
	answers map[int]int
}

func (s *stranger) hangUp() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// hit sends a batch and reads the answers, on a new connection where it was closed.
func (s *stranger) hit() error {
	var out bytes.Buffer
	var sent [batch]string
	for i := range sent {
		begin := out.Len()
		s.request(&out)
		sent[i] = out.String()[begin:]
	}
	if s.conn == nil {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.p.base, "http://"))
		if err != nil {
			return err
		}
		s.conn, s.in = conn, bufio.NewReaderSize(conn, 64<<10)
	}
	if err := s.conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	if _, err := s.conn.Write(out.Bytes()); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	for _, request := range sent {
		if err := s.answer(request); err != nil {
			return err
		}
	}
	return nil
}

func (s *stranger) answer(request string) error {
	res, err := http.ReadResponse(s.in, nil)
	if err != nil {
		return fmt.Errorf("reading an answer to %.1000q: %w", request, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("reading the body for %.1000q: %w", request, err)
	}
	s.answers[res.StatusCode]++
	// In its first minute a revoked token gets a 503 that tells a browser to retry.
	late := res.StatusCode == http.StatusServiceUnavailable && res.Header.Get("Retry-After") == "1"
	if res.StatusCode >= 500 && !late {
		s.complain("a stranger gets %s\n%.300s for\n%.1000s", res.Status, body, request)
	}
	if bytes.Contains(body, []byte("secret of ")) {
		s.complain("a stranger gets somebody's page for\n%.1000s", request)
	}
	return nil
}

// visits are paths and forms, "" for a GET. RANDOM is another text each time.
var visits = []struct{ path, form string }{
	{challengePage, ""}, {challengePage + "?use=backup", ""}, {challengePage, "code=CODE"}, {challengePage, "code=ABCD-EFGH-JKMN-PQRS"},
	{challengePage, "action=sign-out"}, {"/two-factor/", ""}, {"/two-factor/", "action=end&visit=RANDOMRANDOMRANDOMRANDOM"},
	{setupPage, ""}, {setupPage, "setup=RANDOM&code=CODE"}, {setupPage, "action=replace&code=CODE"},
	{"/two-factor/disable", ""}, {"/two-factor/disable", "code=CODE"}, {backupPage, ""}, {backupPage, "action=generate&code=CODE"},
	{"/two-factor/help", ""}, {"/two-factor/health", ""}, {"/two-factor/RANDOM", ""}, {"/two-factor/x.css", ""},
	{"/", ""}, {"/account", ""}, {"/login", "user=RANDOM&password=RANDOM"}, {"/login", "user=user00001-1&password=RANDOM"},
	{"/logout", ""}, {"/me", ""}, {"/events", ""}, {"/account", "x=RANDOM"}, {"/RANDOM?PHPSESSID=RANDOM", ""}, {"/page;jsessionid=RANDOM", ""},
}

// request writes one at random.
func (s *stranger) request(out *bytes.Buffer) {
	v := visits[s.rand.IntN(len(visits))]
	fill := strings.NewReplacer("RANDOM", s.text(12), "CODE", fmt.Sprintf("%06d", s.rand.IntN(1_000_000)))
	path, form, method := fill.Replace(v.path), fill.Replace(v.form), http.MethodGet
	if form != "" {
		method = http.MethodPost
	}
	fmt.Fprintf(out, "%s %s HTTP/1.1\r\nHost: %s\r\nAccept: text/html\r\nX-Forwarded-For: 10.%d.%d.%d\r\n", method, path,
		strings.TrimPrefix(s.p.base, "http://"), s.rand.IntN(256), s.rand.IntN(256), s.rand.IntN(256))
	if s.rand.IntN(2) == 0 {
		out.WriteString("Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n")
	} else if form != "" {
		fmt.Fprintf(out, "Origin: %s\r\n", s.p.base)
	}
	if s.rand.IntN(50) == 0 {
		fmt.Fprintf(out, "X-Token: %s\r\nAuthorization: Bearer %s\r\n", s.text(20), s.text(20))
	}
	out.WriteString(s.cookies())
	if form != "" {
		fmt.Fprintf(out, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n", len(form))
	}
	out.WriteString("\r\n" + form)
}

// cookies returns a Cookie line: well-formed tokens that were never issued, garbage, sealed names,
// unsealed cookies of the portal, and cookies of dead visits.
func (s *stranger) cookies() string {
	switch s.rand.IntN(10) {
	case 0:
		return ""
	case 1:
		return "Cookie: sg=" + s.text(5) + "; PHPSESSID=" + s.text(20) + "\r\n"
	case 2:
		return "Cookie: PHPSESSID=" + s.text(20) + "; lang=fi; " + s.text(8) + "=" + s.text(8) + "\r\n"
	case 3:
		return "Cookie: sg=" + s.token() + "\r\nCookie: sg=" + s.token() + "\r\n" // a 400
	case 4:
		return "Cookie: " + strings.Repeat("a="+s.text(70)+"; ", 180) + "sg=" + s.token() + "\r\n" // 13 kB
	case 5:
		if len(s.dead) > 0 {
			return "Cookie: " + s.dead[s.rand.IntN(len(s.dead))] + "\r\n"
		}
	}
	state := fmt.Sprintf("; secondgate-setup=%s; secondgate-codes=%s; secondgate-return=%s", s.text(80), s.text(80), s.text(40))
	return "Cookie: sg=" + s.token() + "; sg-" + s.text(16) + "=" + s.text(120) + "; sg-" + s.text(16) + ".1=" + s.text(60) + state + "\r\n"
}

// token has the form of a visit's.
func (s *stranger) token() string { return base64.RawURLEncoding.EncodeToString(s.bytesOf(32)) }

func (s *stranger) text(n int) string {
	return base64.RawURLEncoding.EncodeToString(s.bytesOf(n))[:n]
}

func (s *stranger) bytesOf(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.rand.Uint32())
	}
	return b
}
