package factor

import (
	"fmt"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quiet is the white margin around a QR code, in modules (ISO/IEC 18004).
const quiet = 4

// QRCode returns an inline SVG with the QR code of uri. It is black on white in every colour
// scheme, and as large as its container. It has no style attributes, which a strict CSP forbids. It
// is hidden from screen readers, because the page has the link and the key as text. An error means
// that uri is too long; it does not quote uri.
func QRCode(uri string) (svg string, err error) {
	// With level M, 15 % of the code may be unreadable.
	code, err := qr.Encode(uri, qr.M, qr.Auto)
	if err != nil {
		return "", fmt.Errorf("drawing a QR code of %d bytes: too long", len(uri))
	}
	n := code.Bounds().Dx()
	dark := func(x, y int) bool { return x < n && code.At(x, y) == color.Black }
	var path strings.Builder
	for y := range n {
		for x := 0; x < n; x++ {
			run := 0
			for dark(x+run, y) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
				x += run
			}
		}
	}
	size := n + 2*quiet
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges" aria-hidden="true" focusable="false">`+
		`<path fill="#fff" d="M0 0h%dv%dH0z"/><path fill="#000" d="%s"/></svg>`, size, size, size, size, path.String()), nil
}
