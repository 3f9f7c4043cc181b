package browser

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/secondgate/secondgate/test/kit/need"
)

// looks are the widths and colour schemes of the screenshots: a small phone, a common one and a
// desktop. In forced colours the reader chose them (CSS Color Adjustment 1).
var looks = []struct {
	width  int64
	scheme string
}{{320, "light"}, {320, "dark"}, {320, "forced"}, {390, "light"}, {390, "dark"}, {1280, "light"}, {1280, "dark"}}

// wanted reports whether screenshots are requested. They are for review by people, and hundreds of
// them take longer than the tests.
const wanted = "SECONDGATE_SCREENSHOTS"

// Screenshot saves the page at full length as test/out/screenshots/NAME-WIDTH-SCHEME.png, once for
// each of looks, if SECONDGATE_SCREENSHOTS is set. Afterwards the browser is again 1280 pixels
// wide and light.
func (b *Browser) Screenshot(name string) {
	b.t.Helper()
	if os.Getenv(wanted) == "" {
		return
	}
	dir := filepath.Join(need.Root(b.t), "test", "out", "screenshots")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	defer b.look(1280, "light")
	for _, l := range looks {
		b.look(l.width, l.scheme)
		picture := run(b, "taking a screenshot", chromedp.FullScreenshot(100))
		file := filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, l.width, l.scheme))
		if err := os.WriteFile(file, picture, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
}

// look gives the tab a width in pixels and a preferred colour scheme.
func (b *Browser) look(width int64, scheme string) {
	b.t.Helper()
	run(b, "changing the width", chromedp.EmulateViewport(width, 900))
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "forced-colors", Value: "none"}}
	if scheme == "forced" {
		features = []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}, {Name: "forced-colors", Value: "active"}}
	}
	call(b, "changing the colours", emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
}

// CheckFits reports an error where the page has to be scrolled sideways on a screen
// of 320 pixels (WCAG 2.2, 1.4.10).
func (b *Browser) CheckFits() {
	b.t.Helper()
	defer b.look(1280, "light")
	b.look(320, "light")
	if wide := Evaluate[int](b, `document.documentElement.scrollWidth`); wide > 320 {
		b.t.Errorf("%s is %d pixels wide on a screen of 320", b.URL(), wide)
	}
}
