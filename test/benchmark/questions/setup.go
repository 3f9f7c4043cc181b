package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/secondgate/secondgate/test/kit/port"
)

// setup is one portal behind one binary, with its visitors.
type setup struct {
	portal   *portal
	binary   string
	url, dir string
	gate     *exec.Cmd
	counter  *httptest.Server
	visitors []*visitor

	mu    sync.Mutex
	asked map[string]int // requests for addresses of whoami, by the browser's name
}

// caddyfile's verbs: directory, address, directives, portal.
const caddyfile = `{
	admin off
	persist_config off
	auto_https off
	storage file_system %[1]s/caddy
	two_factor {
		storage badger %[1]s/two_factor
	}
}

http://%[2]s {
	bind 127.0.0.1
	two_factor {
		%[3]s
	}
	reverse_proxy %[4]s
}
`

// open starts the binary before the portal and signs the visitors in.
func open(binary string, p *portal) (h *setup, err error) {
	h = &setup{portal: p, binary: binary, asked: make(map[string]int)}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	if err := h.count(); err != nil {
		return nil, err
	}
	if err := h.launch(binary); err != nil {
		return nil, err
	}
	for i := range 4 {
		v := newVisitor(h, i >= 2, i%2 == 1)
		if v.customer {
			if err := v.signIn(h, p.users[i%2]); err != nil {
				return nil, fmt.Errorf("signing %s in: %w", p.users[i%2][0], err)
			}
		}
		h.visitors = append(h.visitors, v)
	}
	time.Sleep(settled)
	return h, nil
}

// settled is longer than `settle`. After it the answers about a visit are cached again.
const settled = 2500 * time.Millisecond

// count puts a proxy before the portal that counts its questions.
func (h *setup) count() error {
	to, err := url.Parse(h.portal.url)
	if err != nil {
		return err
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Header["X-Forwarded-For"] = to.Scheme, to.Host, r.In.Header["X-Forwarded-For"]
		r.Out.Host = r.In.Host
	}}
	h.counter = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.add(r, 1)
		proxy.ServeHTTP(w, r)
	}))
	return nil
}

// add counts a request if it could be a question.
func (h *setup) add(r *http.Request, n int) {
	if r.Method != http.MethodGet || !slices.Contains(h.portal.whoami, r.URL.RequestURI()) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked[r.UserAgent()] += n
}

func (h *setup) questions(agent string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked[agent]
}

func (h *setup) launch(binary string) error {
	dir, err := os.MkdirTemp("", "secondgate-questions-")
	if err != nil {
		return err
	}
	h.dir = dir
	address, err := port.Free()
	if err != nil {
		return err
	}
	h.url = "http://" + address
	text := fmt.Sprintf(caddyfile, dir, address, h.portal.directives, strings.TrimPrefix(h.counter.URL, "http://"))
	if err := os.WriteFile(filepath.Join(dir, "Caddyfile"), []byte(text), 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	h.gate = exec.Command(binary, "run", "--config", filepath.Join(dir, "Caddyfile"), "--adapter", "caddyfile")
	h.gate.Stdout, h.gate.Stderr = log, log
	h.gate.Env = append(os.Environ(), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	if err := h.gate.Start(); err != nil {
		return err
	}
	for range 600 {
		if resp, err := http.Get(h.url + "/two-factor/health"); err == nil {
			resp.Body.Close()
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.Join(errors.New("the gate does not answer"), h.lastLog())
}

// lastLog is the end of the gate's log, for errors.
func (h *setup) lastLog() error {
	text, err := os.ReadFile(filepath.Join(h.dir, "log"))
	if err != nil {
		return err
	}
	return errors.New(string(text[max(0, len(text)-3000):]))
}

func (h *setup) close() {
	if h.gate != nil && h.gate.Process != nil {
		_ = h.gate.Process.Signal(syscall.SIGTERM)
		_ = h.gate.Wait()
	}
	if h.counter != nil {
		h.counter.Close()
	}
	if h.dir != "" {
		_ = os.RemoveAll(h.dir)
	}
}
