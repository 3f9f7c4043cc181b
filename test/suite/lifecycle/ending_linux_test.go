package lifecycle

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// mostEnd is how long a program may take to end after a signal.
const mostEnd = 10 * time.Second

// onDisk is a program with its store in a directory, where a customer has a factor.
func onDisk(t *testing.T, dir string) *outside {
	t.Helper()
	o := newOutside(t, &harness.Legacy{}, named)
	file := filepath.Join(o.dir, "Caddyfile")
	write(t, file, strings.ReplaceAll(read(t, file), filepath.Join(o.dir, "two_factor"), dir))
	o.start(t)
	b := harness.NewBrowser(t, o.base)
	b.SignIn("alice")
	b.Enrol()
	return o
}

// ends sends signals, a second apart, and returns the program's status and how long
// after the last one it ended.
func (o *outside) ends(t *testing.T, signals ...os.Signal) (status int, took time.Duration) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- o.cmd.Wait() }()
	var begun time.Time
	for i, s := range signals {
		if i > 0 {
			time.Sleep(time.Second)
		}
		begun = time.Now()
		if err := o.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-ended:
		o.cmd = nil
		took = time.Since(begun)
		exit, failed := errors.AsType[*exec.ExitError](err)
		if err != nil && !failed {
			t.Fatal(err)
		}
		if failed {
			status = exit.ExitCode()
		}
		return status, took
	case <-time.After(mostEnd + 5*time.Second):
		_ = o.cmd.Process.Kill()
		<-ended
		o.cmd = nil
		t.Fatalf("after %v it had not ended", time.Since(begun))
		return 0, 0
	}
}

// said fails the test unless the program's log contains the sentence.
func (o *outside) said(t *testing.T, text string) {
	t.Helper()
	raw, err := os.ReadFile(o.logFile())
	if err != nil || !strings.Contains(string(raw), text) {
		t.Errorf("%v; it never said %q", err, text)
	}
}

const storeNotClosed = "the store could not be closed"

// TestJ3_EndsOnAFullDisk: on a full disk the engine retries its last writes for ever. The program
// still ends, with the reason, and starts again when there is space, with everything that it had
// confirmed.
func TestJ3_EndsOnAFullDisk(t *testing.T) {
	disk := smallDisk(t)
	o := onDisk(t, filepath.Join(disk, "state"))
	free := fillDisk(t, disk)
	if status, took := o.ends(t, syscall.SIGTERM); status == 0 || took > mostEnd {
		t.Errorf("status %d after %v", status, took)
	}
	o.said(t, storeNotClosed)
	free()
	o.start(t)
	if p := harness.NewBrowser(t, o.base).SignIn("alice"); p.Location != "/two-factor/challenge" {
		t.Errorf("after the restart alice is sent to %q", p.Location)
	}
	if status, took := o.ends(t, syscall.SIGTERM); status != 0 || took > mostEnd {
		t.Errorf("with room: status %d after %v", status, took)
	}
}

// TestJ3_EndsWithoutItsDirectory: the same after the store's directory was deleted or replaced, so
// that the engine retries its writes for ever.
func TestJ3_EndsWithoutItsDirectory(t *testing.T) {
	for name, put := range map[string]func(string) error{
		"deleted": func(string) error { return nil },
		"a file":  func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			o := onDisk(t, dir)
			if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700), put(filepath.Join(dir, "store"))); err != nil {
				t.Fatal(err)
			}
			if status, took := o.ends(t, syscall.SIGTERM); status == 0 || took > mostEnd {
				t.Errorf("status %d after %v", status, took)
			}
			o.said(t, storeNotClosed)
		})
	}
}

// TestJ3_EndsOnAFailingDisk: the same where the disk answers every write with an error.
func TestJ3_EndsOnAFailingDisk(t *testing.T) {
	disk, fail := failingDisk(t)
	o := onDisk(t, filepath.Join(disk, "state"))
	fail()
	if status, took := o.ends(t, syscall.SIGTERM); status == 0 || took > mostEnd {
		t.Errorf("status %d after %v", status, took)
	}
	o.said(t, storeNotClosed)
}

// TestJ3_SecondSignal: a second SIGTERM ends the program at once.
func TestJ3_SecondSignal(t *testing.T) {
	o := withOpenRequest(t)
	if status, took := o.ends(t, syscall.SIGTERM, syscall.SIGTERM); status == 0 || took > time.Second {
		t.Errorf("status %d after %v", status, took)
	}
	o.said(t, "a second signal")
}

// TestJ3_OpenRequest: a request that never ends does not delay the program's end, although Caddy
// waits for it without limit if no grace_period is set.
func TestJ3_OpenRequest(t *testing.T) {
	o := withOpenRequest(t)
	if status, took := o.ends(t, syscall.SIGTERM); status == 0 || took > mostEnd {
		t.Errorf("status %d after %v", status, took)
	}
	o.said(t, "requests are open or the store is busy")
}

// withOpenRequest is a program that serves a request which the portal never answers.
func withOpenRequest(t *testing.T) *outside {
	t.Helper()
	reached, release := make(chan struct{}), make(chan struct{})
	legacy := &harness.Legacy{}
	o := newOutside(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/forever" {
			legacy.ServeHTTP(w, r)
			return
		}
		close(reached)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}), named)
	t.Cleanup(func() { close(release) })
	o.start(t)
	go func() {
		if res, err := http.Get(o.base + "/forever"); err == nil {
			res.Body.Close()
		}
	}()
	<-reached
	return o
}

// failingDisk mounts a file system and returns a function that makes all writes to new blocks fail
// with EIO. The file system is on a loop device with a sparse file, and fail fills the disk under
// that file.
func failingDisk(t *testing.T) (dir string, fail func()) {
	t.Helper()
	skip := func(doing string, err error, out []byte) {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s, with CI set: %v: %s", doing, err, out)
		}
		t.Skipf("%s needs root and loop devices: %v: %s", doing, err, out)
	}
	below := smallDisk(t)
	image := filepath.Join(below, "image")
	f, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(48<<20), f.Close()); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-O", "^has_journal", image).CombinedOutput(); err != nil {
		skip("making a file system", err, out)
	}
	dir = t.TempDir()
	if out, err := exec.Command("mount", "-o", "loop,errors=continue", image, dir).CombinedOutput(); err != nil {
		skip("mounting a loop device", err, out)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir, func() { fillDisk(t, below) }
}
