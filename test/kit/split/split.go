// Package split runs the tests of a package in several processes at once. Caddy has one
// configuration per process, so tests over in-process Caddy can't run in parallel in one process;
// most of their time they wait for deadlines.
//
// [Run] takes the place of m.Run in TestMain. A run of selected tests (-run), a benchmark, a fuzz
// target and a coverage profile stay in one process. Tests are dealt out in turn; the output of a process
// is printed whole when it ends, so that lines of tests do not mix. No test is left out: each
// process gets names from the list that the test binary prints.
package split

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// processes is how many run at once.
const processes = 4

// alone are the flags that keep all tests in this process.
var alone = []string{"test.run", "test.list", "test.bench", "test.fuzz", "test.coverprofile", "test.cpuprofile", "test.memprofile", "test.trace"}

// logFlag is where a test binary writes which files and variables it has read; the go command
// decides by it whether a result may be used again.
const logFlag = "test.testlogfile"

// Run runs the tests and returns the exit status of the test binary.
func Run(m *testing.M) int {
	flag.Parse()
	for _, name := range alone {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return m.Run()
		}
	}
	if err := everything(); err != nil {
		fmt.Println(err)
		fmt.Println("FAIL")
		return 1
	}
	fmt.Println("PASS")
	return 0
}

// everything runs all tests, and fails if one of the processes does.
func everything() error {
	names, err := list()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "secondgate-split-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	parts := deal(names)
	var running sync.WaitGroup
	var printing sync.Mutex
	failed := make([]error, len(parts))
	for i, part := range parts {
		running.Go(func() {
			out, err := run(part, filepath.Join(dir, fmt.Sprint(i)))
			printing.Lock()
			defer printing.Unlock()
			os.Stdout.Write(out)
			failed[i] = err
		})
	}
	running.Wait()
	return errors.Join(errors.Join(failed...), joinLogs(dir))
}

// list returns the names of the tests, fuzz targets and examples.
func list() (names []string, err error) {
	cmd := exec.Command(os.Args[0], "-test.list=.")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the tests: %w", err)
	}
	for _, name := range strings.Fields(string(out)) {
		if !strings.HasPrefix(name, "Benchmark") {
			names = append(names, name)
		}
	}
	return names, nil
}

// deal distributes the names, at least one to a part.
func deal(names []string) [][]string {
	parts := make([][]string, min(processes, len(names)))
	for i, name := range names {
		parts[i%len(parts)] = append(parts[i%len(parts)], name)
	}
	return parts
}

// verdict is the last line of a test binary's output. This process prints its own.
var verdict = regexp.MustCompile(`(?m)^\x16?(PASS|FAIL)\n\z`)

// run runs some tests in another process, with the flags of this one.
func run(names []string, log string) ([]byte, error) {
	var args []string
	for _, a := range os.Args[1:] {
		if !strings.HasPrefix(a, "-"+logFlag+"=") {
			args = append(args, a)
		}
	}
	args = append([]string{"-" + logFlag + "=" + log, "-test.run=^(" + strings.Join(names, "|") + ")$"}, args...)
	var out bytes.Buffer
	cmd := exec.Command(os.Args[0], args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return verdict.ReplaceAll(out.Bytes(), nil), err
}

// joinLogs writes what the processes have read to the log of this one, if it has to keep one.
func joinLogs(dir string) error {
	to := flag.Lookup(logFlag).Value.String()
	if to == "" {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return err
	}
	const head = "# test log\n" // of the format, once
	all := []byte(head)
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		all = append(all, bytes.TrimPrefix(raw, []byte(head))...)
	}
	return os.WriteFile(to, all, 0o666)
}
