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
	// mostEnding is for how long the process may go on after the signal that ends it, if
	// the configuration gives open requests no longer time.
	mostEnding = 9 * time.Second
	// mostSaying is for how long the last sentence may take: the log may be on the disk
	// that fails.
	mostSaying = 300 * time.Millisecond
)

// unclean is why the process can't end well; nil while it can.
var unclean atomic.Pointer[string]

// grace is how long the running configuration gives open requests (grace_period).
var grace atomic.Int64

// boundEnd makes the end of the process bounded, whatever the disk does, in the command
// `run`. Caddy traps the signals too and shuts down gracefully, but waits without limit
// for requests and for modules, and looks at no second SIGTERM while it does. What was
// reported as done is on the disk already, so the end may cut everything off.
var boundEnd = sync.OnceFunc(func() {
	if commandOf(os.Args[1:]) != "run" {
		return
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go watchEnd(signals)
	// Caddy ends with status 0 after an error of Cleanup. Its exit functions run last.
	caddy.OnExit(func(context.Context) {
		if why := unclean.Load(); why != nil {
			endNow(*why)
		}
	})
})

// watchEnd ends the process a while after the first signal, and at once at the second.
func watchEnd(signals <-chan os.Signal) {
	<-signals
	end := time.NewTimer(mostEnding + time.Duration(grace.Load()))
	select {
	case <-end.C:
	case <-signals:
		endNow("a second signal came before the end; the process ends at once")
	}
	if why := unclean.Load(); why != nil {
		endNow(*why)
	}
	endNow("requests are open, or the store is busy, and the time to end is over; grace_period in the Caddyfile's global options gives requests more of it")
}

// endNow says why and ends the process with status 1.
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

// commandOf is the command of a command line: the first word that is no flag.
func commandOf(args []string) string {
	i := slices.IndexFunc(args, func(arg string) bool { return !strings.HasPrefix(arg, "-") })
	if i < 0 {
		return ""
	}
	return args[i]
}

// noteGrace remembers how long the configuration gives open requests.
func noteGrace(ctx caddy.Context) {
	mod, err := ctx.AppIfConfigured("http")
	if app, ok := mod.(*caddyhttp.App); err == nil && ok {
		grace.Store(int64(app.GracePeriod) + int64(app.ShutdownDelay))
	}
}
