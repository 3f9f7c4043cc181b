//go:build crash

package soaking

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// weight is the program's use of resources at one moment. Memory is in KiB.
type weight struct {
	goroutines int
	// files are open ones but the store's, which are as many as its tables.
	files, storeFiles int
	// heap is what is reachable: allocated after a garbage collection.
	heap, rss int
}

var (
	totalPattern = regexp.MustCompile(`total (\d+)`)
	heapPattern  = regexp.MustCompile(`# HeapAlloc = (\d+)`)
)

// weigh runs the program's garbage collector and measures what is left.
func (p *program) weigh() (w weight, err error) {
	// Twice, because pools release their memory only at the second collection.
	for range 2 {
		raw, err := p.ask("/debug/pprof/heap?gc=1&debug=1")
		if err != nil {
			return w, err
		}
		if w.heap, err = number(heapPattern, raw); err != nil {
			return w, err
		}
	}
	w.heap >>= 10
	raw, err := p.ask("/debug/pprof/goroutine?debug=1")
	if err != nil {
		return w, err
	}
	if w.goroutines, err = number(totalPattern, raw); err != nil {
		return w, err
	}
	w.rss = p.rssAnon()
	w.files, w.storeFiles = p.openFiles()
	return w, nil
}

func number(pattern *regexp.Regexp, text string) (int, error) {
	m := pattern.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("no %s in %.200q", pattern, text)
	}
	return strconv.Atoi(m[1])
}

func (p *program) openFiles() (others, store int) {
	dir := fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		to, _ := os.Readlink(filepath.Join(dir, e.Name()))
		if strings.HasPrefix(to, p.storeDir()) {
			store++
			continue
		}
		others++
	}
	return others, store
}

// rssAnon is the memory that is not backed by files.
func (p *program) rssAnon() int {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(raw), "RssAnon:")
	line, _, _ := strings.Cut(rest, "\n")
	n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(line), " kB"))
	return n
}

// Some resources take time to end: idle keep-alive connections, and servers of replaced
// configurations.
const (
	restTime   = 3 * time.Second
	settleTime = time.Minute
)

// settled measures the idle program repeatedly until enough accepts the weight, or until patience
// is over.
func (p *program) settled(enough func(weight) bool, patience time.Duration) weight {
	p.t.Helper()
	var best weight
	for end := time.Now().Add(patience); ; time.Sleep(300 * time.Millisecond) {
		w, err := p.weigh()
		if err != nil {
			p.t.Fatal(err)
		}
		if best == (weight{}) {
			best = w
		}
		best = weight{
			min(best.goroutines, w.goroutines), min(best.files, w.files), w.storeFiles,
			min(best.heap, w.heap), min(best.rss, w.rss),
		}
		if enough(best) || time.Now().After(end) {
			return best
		}
	}
}

// stacks is where goroutines are, the most numerous first.
func (p *program) stacks() string {
	raw, err := p.ask("/debug/pprof/goroutine?debug=1")
	if err != nil {
		return err.Error()
	}
	return raw[:min(len(raw), 12000)]
}

// needProc skips the test without /proc, from which a process's resources are read. With CI set it
// fails the test.
func needProc(t testing.TB) {
	t.Helper()
	if _, err := os.Stat("/proc/self/fd"); err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("needs /proc, and CI is set")
	}
	t.Skip("SKIPPED: needs /proc")
}
