package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/secondgate/secondgate/test/kit/port"
)

// bench is the servers of one run.
type bench struct {
	options
	dir                 string
	portal              *exec.Cmd
	portalAddress       string
	gate, bare, control *server
}

// server is one Caddy. requests are what its clients send for the present page, one for each
// active visit. began is when it was last started. admin is the path of its admin socket; empty
// if it has none.
type server struct {
	address  string
	config   string
	began    time.Time
	admin    string
	cmd      *exec.Cmd
	cookies  []string
	requests [][]byte
}

func start(o options) (*bench, error) {
	dir, err := os.MkdirTemp("", "secondgate-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, dir: dir}
	sealed, raw, err := fill(filepath.Join(dir, "two_factor"), o)
	if err != nil {
		return nil, err
	}
	if err := b.startPortal(); err != nil {
		return nil, err
	}
	b.gate = b.configure("gate", sealed, gateBlock(filepath.Join(dir, "two_factor")))
	b.bare = b.configure("bare", raw, [2]string{})
	b.control = b.configure("control", raw, [2]string{})
	for _, s := range []*server{b.gate, b.bare, b.control} {
		if _, err := b.launch(s); err != nil {
			b.stop()
			return nil, err
		}
	}
	return b, nil
}

// gateBlock is the global option and the directive.
func gateBlock(dir string) [2]string {
	return [2]string{fmt.Sprintf("two_factor {\n\t\tstorage badger %s\n\t}", dir), `two_factor {
		realm bench
		whoami /me {
			anonymous status 401
			user json user
		}
	}`}
}

func (b *bench) configure(name string, cookies []string, block [2]string) *server {
	s := &server{address: freeAddress(), config: filepath.Join(b.dir, name+".caddyfile"), cookies: cookies}
	admin := "off"
	if b.profiles != "" {
		s.admin = filepath.Join(b.dir, name+".sock")
		admin = "unix/" + s.admin
	}
	text := fmt.Sprintf(`{
	admin %s
	persist_config off
	auto_https off
	log {
		level ERROR
	}
	%s
}
http://%s {
	bind 127.0.0.1
	%s
	reverse_proxy %s
}
`, admin, block[0], s.address, block[1], b.portalAddress)
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		panic(err)
	}
	return s
}

// launch starts a server and returns how long it took until it answered.
func (b *bench) launch(s *server) (time.Duration, error) {
	s.cmd = exec.Command(b.binary, "run", "--config", s.config, "--adapter", "caddyfile")
	s.cmd.Stderr = os.Stderr
	s.cmd.Env = append(os.Environ(), "GOGC=100", "GOMAXPROCS=2", "XDG_DATA_HOME="+s.config+".data", "XDG_CONFIG_HOME="+b.dir)
	s.began = time.Now()
	if err := s.cmd.Start(); err != nil {
		return 0, err
	}
	for time.Since(s.began) < 20*time.Second {
		if c, err := net.Dial("tcp", s.address); err == nil {
			c.Close()
			return time.Since(s.began), nil
		}
		time.Sleep(2 * time.Millisecond)
	}
	return 0, fmt.Errorf("%s did not start", s.config)
}

func (s *server) pid() int { return s.cmd.Process.Pid }

func (s *server) quit() {
	if s == nil || s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
}

func (b *bench) stop() {
	for _, s := range []*server{b.gate, b.bare, b.control} {
		s.quit()
	}
	if b.portal != nil {
		_ = b.portal.Process.Kill()
		_ = b.portal.Wait()
	}
	_ = os.RemoveAll(b.dir)
}

func (b *bench) startPortal() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b.portalAddress = freeAddress()
	b.portal = exec.Command(self, "portal", b.portalAddress)
	b.portal.Stderr = os.Stderr
	return b.portal.Start()
}

// servePortal answers pages of a number of KiB, and whoami.
func servePortal(address string) {
	page := []byte(strings.Repeat("<p>0123456789</p>", 4096))
	http.HandleFunc("/page/", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/page/"))
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(n<<10))
		_, _ = w.Write(page[:n<<10])
	})
	http.HandleFunc("/me", func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("PHPSESSID")
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		user, _, _ := strings.Cut(c.Value, ".")
		fmt.Fprintf(w, `{"user":%q}`, user)
	})
	fmt.Fprintln(os.Stderr, http.ListenAndServe(address, nil))
}

func freeAddress() string {
	address, err := port.Free()
	if err != nil {
		panic(err)
	}
	return address
}

// cpuTime is what all threads of a process have used, to the nanosecond.
func cpuTime(pid int) (sum time.Duration) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		first, _, _ := strings.Cut(string(raw), " ")
		n, _ := strconv.ParseInt(first, 10, 64)
		sum += time.Duration(n)
	}
	return sum
}

// rssAnon is the memory of a process that is not backed by files, in KiB; 0 if unknown.
func rssAnon(pid int) (n int) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(status), "RssAnon:")
	_, _ = fmt.Sscan(rest, &n)
	return n
}

func (b *bench) memory() {
	gate, bare := rssAnon(b.gate.pid()), rssAnon(b.bare.pid())
	fmt.Printf("RssAnon after the load, %d users stored: gate %.1f MiB, bare %.1f MiB, more: %.1f MiB (want at most 40)\n",
		b.users, float64(gate)/1024, float64(bare)/1024, float64(gate-bare)/1024)
}

// startTimes starts both afresh in turn and compares the medians.
func (b *bench) startTimes() error {
	took := make(map[*server][]float64)
	for range 7 {
		for _, s := range []*server{b.gate, b.bare} {
			s.quit()
			ready, err := b.launch(s)
			if err != nil {
				return err
			}
			took[s] = append(took[s], float64(ready)/float64(time.Millisecond))
		}
	}
	fmt.Printf("ready with %d users stored: %.0f ms later than bare Caddy, median of 7 (want at most 150)\n",
		b.users, median(took[b.gate])-median(took[b.bare]))
	return nil
}
