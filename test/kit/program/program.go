// Package program builds cmd/secondgate for the suites that run it as a process. The build
// is kept in test/out, where the go command finds that nothing has changed: linking it takes
// several seconds of computing, and five packages need it.
package program

import (
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/secondgate/secondgate/test/kit/need"
)

// Build puts the program at a path that only the caller uses.
func Build(path string) error {
	root, err := need.FindRoot()
	if err != nil {
		return err
	}
	// Flags change what is built, as where a defence is taken out.
	flags := fnv.New64a()
	flags.Write([]byte(os.Getenv("GOFLAGS")))
	dir := filepath.Join(root, "test", "out", fmt.Sprintf("program-%x", flags.Sum64()))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("waiting for another build: %w", err)
	}
	kept := filepath.Join(dir, "secondgate")
	build := exec.Command("go", "build", "-o", kept, "./cmd/secondgate")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the program: %w: %s", err, out)
	}
	// By a process of its own: a file that this one had open for writing could not be run
	// while another child is being started.
	if out, err := exec.Command("cp", kept, path).CombinedOutput(); err != nil {
		return fmt.Errorf("copying the program: %w: %s", err, out)
	}
	return nil
}
