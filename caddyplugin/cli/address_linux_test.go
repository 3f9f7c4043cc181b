package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestDefaultAdmin_OfAnotherUser: for a system user without access to the service's directory,
// defaultAdmin does not fall back to Caddy's default endpoint, where no server listens. The error
// states the reason.
func TestDefaultAdmin_OfAnotherUser(t *testing.T) {
	t.Setenv("CADDY_ADMIN", "")
	dir := filepath.Join(t.TempDir(), "private")
	if err := os.Mkdir(dir, 0); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "admin.sock")
	var found string
	asNobody(func() { found = defaultAdmin(socket) })
	if found != "unix/"+socket {
		t.Errorf("it is %s", found)
	}
	err := unreached("unix/"+socket, "performing request: Get: dial unix /run/x: connect: permission denied")
	if err == nil || !strings.Contains(err.Error(), "run this as one of them") {
		t.Errorf("the error is %v", err)
	}
	if err := unreached("unix/"+socket, "the server said no"); err != nil {
		t.Errorf("an answer is taken for none: %v", err)
	}
}

// asNobody runs fn with the file permissions of a user who owns nothing.
func asNobody(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for ever: the thread ends with the goroutine
		_ = syscall.Setfsuid(65534)
		fn()
	}()
	<-done
}
