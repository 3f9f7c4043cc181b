// Package browser drives Debian's Chromium through a page, for tests. Every browser starts from an
// empty profile, reaches loopback only, and ends with its test. A failed step fails the test and
// logs the address and the text of the page.
//
// It needs Debian's chromium package. test/suite/e2e, internal/userpages and others call it.
package browser

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/secondgate/secondgate/test/kit/need"
)

// stepTime is how long one step may take, page load included.
const stepTime = 30 * time.Second

// Browser is one browser with one tab, used by one goroutine.
type Browser struct {
	t   testing.TB
	ctx context.Context

	response *network.Response
	traffic  *traffic
}

// Start starts Chromium with an empty profile. Where it is not installed the test is
// skipped, but fails on a CI machine.
func Start(t testing.TB) *Browser {
	t.Helper()
	program := find(t)
	options := slices.Concat(chromedp.DefaultExecAllocatorOptions[:], flags, []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(stepTime),
		chromedp.Flag("no-sandbox", os.Geteuid() == 0), // Chromium refuses to sandbox for root
	})
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		end()
		endAllocator()
	})
	b := &Browser{t: t, ctx: ctx, traffic: &traffic{running: make(map[network.RequestID]string)}}
	// The browser starts here; started by a step it would end with that step's deadline.
	if err := errors.Join(chromedp.Listen(ctx, b.traffic.listen), chromedp.Do(ctx, chromedp.EmulateViewport(1280, 900))); err != nil {
		t.Fatalf("starting %s: %v", program, err)
	}
	return b
}

// flags are added to chromedp's own. QUIC and the vendor's services are disabled, and only names
// of loopback resolve.
var flags = []chromedp.ExecAllocatorOption{
	chromedp.Flag("disable-gpu", true),
	chromedp.Flag("disable-quic", true),
	chromedp.Flag("disable-component-update", true),
	chromedp.Flag("disable-features", "Translate,OptimizationHints,MediaRouter,PasswordManagerOnboarding"),
	chromedp.Flag("hide-scrollbars", true),
	chromedp.Flag("ignore-certificate-errors", true), // tests serve HTTPS with a CA of their own
	chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1"),
}

// find returns the path of Chromium.
func find(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	need.Missing(t, "Chromium is not installed (Debian's package chromium)")
	return ""
}

// ScriptsOff switches JavaScript off for the pages that follow.
func (b *Browser) ScriptsOff() {
	b.t.Helper()
	call(b, "switching scripts off", emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// Language makes the browser ask for pages in a language ("ar"; or a whole
// Accept-Language header).
func (b *Browser) Language(accept string) {
	b.t.Helper()
	headers := network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": accept}}
	call(b, "choosing "+accept, network.SetExtraHTTPHeaders, headers)
}

// call runs one command of the debugging protocol as a step, and returns its result.
func call[P, R any](b *Browser, what string, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	return run(b, what, func(ctx context.Context, _ *chromedp.Target) (R, error) { return chromedp.Call(ctx, command, params) })
}

// run takes one step and fails the test if it does not succeed in time.
func run[T any](b *Browser, what string, step chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTime)
	defer cancel()
	result, err := chromedp.Run(ctx, step)
	if err != nil {
		b.fail(what, err)
	}
	return result
}

// fail ends the test and logs the page that the browser shows.
func (b *Browser) fail(what string, err error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	where, _ := chromedp.Run(ctx, chromedp.Location())
	shown, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText.slice(0, 2000)`))
	b.t.Fatalf("%s: %v\nat %s the browser shows:\n%s", what, err, where, shown)
}
