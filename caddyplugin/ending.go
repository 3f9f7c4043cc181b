package caddyplugin

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const (
	// mostEnding is the longest time from the signal to the end of the process, not counting
	// grace.
	mostEnding = 9 * time.Second
	// mostSaying is the longest time that writing the last log entry may take. The log may be
	// on a failing disk.
	mostSaying = 300 * time.Millisecond
)

// unclean is set when closing a store fails. The process then ends with this text and status
// 1.
var unclean atomic.Pointer[string]

// grace is the time that the active configuration gives open requests at a shutdown
// (grace_period and shutdown_delay).
var grace atomic.Int64

// boundEnd limits how long a shutdown of the command `run` takes. Caddy handles the signals,
// too, and shuts down gracefully, but it waits without limit for requests and modules, and
// ignores a second SIGTERM meanwhile. Ending the process at any moment loses nothing: whatever
// was confirmed to a client is already on disk. App.Start calls boundEnd.
var boundEnd = sync.OnceFunc(func() {
	if commandOf(os.Args[1:]) != "run" {
		return
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go watchEnd(signals)
	// Caddy ends with status 0 even if Cleanup failed. Exit functions run last, so this one
	// can change the status.
	caddy.OnExit(func(context.Context) {
		if why := unclean.Load(); why != nil {
			endNow(*why)
		}
	})
})

// watchEnd ends the process mostEnding plus grace after the first signal, and at once at the
// second signal.
func watchEnd(signals <-chan os.Signal) {
	<-signals
	end := time.NewTimer(mostEnding + time.Duration(grace.Load()))
	select {
	case <-end.C:
	case <-signals:
		endNow("a second signal came during the shutdown, so the process ended at once")
	}
	if why := unclean.Load(); why != nil {
		endNow(*why)
	}
	endNow("the shutdown took too long, because requests are open or the store is busy; grace_period in the Caddyfile's global options gives requests more time")
}

// endNow prints and logs why, and ends the process with status 1.
func endNow(why string) {
	said := make(chan struct{})
	go func() {
		defer close(said)
		fmt.Fprintf(os.Stderr, "secondgate: %s.\n", why)
		caddy.Log().Named("two_factor").Error("the end was not clean: " + why)
	}()
	select {
	case <-said:
	case <-time.After(mostSaying):
	}
	os.Exit(1)
}

// commandOf returns the command of a command line: the first argument that is no flag.
func commandOf(args []string) string {
	i := slices.IndexFunc(args, func(arg string) bool { return !strings.HasPrefix(arg, "-") })
	if i < 0 {
		return ""
	}
	return args[i]
}

// noteGrace sets grace from the configuration of the app http.
func noteGrace(ctx caddy.Context) {
	mod, err := ctx.AppIfConfigured("http")
	if app, ok := mod.(*caddyhttp.App); err == nil && ok {
		grace.Store(int64(app.GracePeriod) + int64(app.ShutdownDelay))
	}
}
