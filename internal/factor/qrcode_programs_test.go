//go:build crash

package factor

import (
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// tool runs a program of Debian's. Where the tests must be whole (CI) it has to be there.
func tool(t *testing.T, name, pack string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing: install %s", name, pack)
		}
		t.Skipf("SKIPPED, NOT TESTED: %s is missing: install %s", name, pack)
	}
	var stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, &stderr)
	}
	return strings.TrimSpace(string(out))
}

// drawn is what of the SVG is drawn.
type drawn struct {
	ViewBox string `xml:"viewBox,attr"`
	Crisp   string `xml:"shape-rendering,attr"`
	Paths   []struct {
		Fill string `xml:"fill,attr"`
		D    string `xml:"d,attr"`
	} `xml:"path"`
}

var bar = regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`)

// rasterise paints the SVG's own paths, some pixels for each module.
func rasterise(t *testing.T, svg string) image.Image {
	t.Helper()
	var s drawn
	if err := xml.Unmarshal([]byte(svg), &s); err != nil {
		t.Fatal(err)
	}
	var size, height int
	if _, err := fmt.Sscanf(s.ViewBox, "0 0 %d %d", &size, &height); err != nil || size != height || len(s.Paths) != 2 {
		t.Fatalf("view box %q, %d paths: %v", s.ViewBox, len(s.Paths), err)
	}
	if want := fmt.Sprintf("M0 0h%dv%dH0z", size, size); s.Paths[0].D != want || s.Paths[0].Fill != "#fff" || s.Paths[1].Fill != "#000" || s.Crisp != "crispEdges" {
		t.Errorf("background %+v, foreground %s, %s", s.Paths[0], s.Paths[1].Fill, s.Crisp)
	}
	if rest := bar.ReplaceAllString(s.Paths[1].D, ""); rest != "" {
		t.Fatalf("path has %q", rest)
	}
	const pixels = 6
	img := image.NewGray(image.Rect(0, 0, size*pixels, size*pixels))
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	for _, match := range bar.FindAllString(s.Paths[1].D, -1) {
		var x, y, w, back int
		if _, err := fmt.Sscanf(match, "M%d %dh%dv1h-%dz", &x, &y, &w, &back); err != nil || w != back {
			t.Fatalf("bar %q: %v", match, err)
		}
		if x < quiet || y < quiet || x+w > size-quiet || y >= size-quiet {
			t.Errorf("bar %q is in the quiet zone", match)
		}
		for px := x * pixels; px < (x+w)*pixels; px++ {
			for py := y * pixels; py < (y+1)*pixels; py++ {
				img.SetGray(px, py, color.Gray{})
			}
		}
	}
	return img
}

func scan(t *testing.T, svg string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "code.png")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := png.Encode(file, rasterise(t, svg)); err != nil {
		t.Fatal(err)
	}
	return tool(t, "zbarimg", "zbar-tools", "--quiet", "--raw", name)
}

// TestQRCodeReadAndComputedByOthers: one independent program reads the secret from the QR code,
// and another computes codes from it. These codes are accepted.
func TestQRCodeReadAndComputedByOthers(t *testing.T) {
	for _, test := range []struct {
		algorithm string
		digits    int
		period    time.Duration
		issuer    string
		account   string
	}{
		{SHA1, 6, 30 * time.Second, "Oma Avaruus", "alice@example.com"},
		{SHA256, 8, 60 * time.Second, "Größe & Söhne?secret=A&issuer=x", "ålice: \"ö\" + <ü>"},
		{SHA512, 7, 15 * time.Second, "", strings.Repeat("長い名前", 40)},
	} {
		t.Run(test.algorithm, func(t *testing.T) {
			settings := defaults
			settings.Algorithm, settings.Digits, settings.Period = test.algorithm, test.digits, test.period
			l := newLabWith(t, settings)
			e, err := l.Begin("")
			if err != nil {
				t.Fatal(err)
			}
			uri := l.URI(e, test.issuer, test.account)
			svg, err := QRCode(uri)
			if err != nil {
				t.Fatal(err)
			}
			read := scan(t, svg)
			if read != uri {
				t.Fatalf("zbarimg read %q, want %q", read, uri)
			}
			code := oathtool(t, read, l.clock.Now())
			if _, err := l.Confirm(t.Context(), Attempt{User: alice, Code: code}, e, [32]byte{}, nil); err != nil {
				t.Errorf("code %s of oathtool: %v", code, err)
			}
		})
	}
}

// oathtool computes a link's present code from nothing but the link.
func oathtool(t *testing.T, link string, now time.Time) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	return tool(t, "oathtool", "oathtool", "--base32", "--totp="+q.Get("algorithm"), "--digits="+q.Get("digits"),
		"--time-step-size="+q.Get("period")+"s", "--now="+now.UTC().Format("2006-01-02 15:04:05 UTC"), q.Get("secret"))
}
