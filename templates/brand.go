package templates

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Brand is how the operator wants the pages to look. No field is required.
type Brand struct {
	// Name of the portal; without one the pages use its host.
	Name string
	// Logo is an image's bytes, LogoType its media type: image/svg+xml, image/png,
	// image/jpeg, image/webp or image/gif.
	Logo     []byte
	LogoType string
	// Accent is a CSS colour in hexadecimal, #rgb or #rrggbb.
	Accent string
	// CSS is loaded after the pages' own style.
	CSS []byte
}

// defaultAccent has a contrast of 7.1 with white, so it is shown unchanged.
const defaultAccent = "#0b57a4"

// maxLogo bounds the logo, which every stranger may fetch.
const maxLogo = 1 << 20

// The card's colours in style.css, against which the accent must be readable.
var (
	cardLight = colour{0xff, 0xff, 0xff}
	cardDark  = colour{0x1b, 0x20, 0x28}
)

// minContrast is WCAG 2.2's for text (success criterion 1.4.3); the accent as text
// gets more, because it is thin and coloured.
const (
	minContrast    = 4.5
	accentContrast = 5.5
)

var logoSuffix = map[string]string{
	"image/svg+xml": ".svg", "image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif",
}

// Check returns the brand with its defaults, or an error that says what of it can't be used.
func (b Brand) Check() (Brand, error) {
	if b.Accent == "" {
		b.Accent = defaultAccent
	}
	if _, err := parseColour(b.Accent); err != nil {
		return b, err
	}
	if len(b.Logo) > maxLogo {
		return b, fmt.Errorf("the logo has %d bytes: want at most %d", len(b.Logo), maxLogo)
	}
	if len(b.Logo) > 0 && logoSuffix[b.LogoType] == "" {
		return b, fmt.Errorf("the logo is of type %q: want SVG, PNG, JPEG, WebP or GIF", b.LogoType)
	}
	return b, nil
}

// css returns the style sheet with the accent. It is a file, because the pages'
// Content-Security-Policy allows no inline style. For text and focus rings the accent is
// darkened, or lightened in dark mode, until it is readable.
func (b Brand) css() []byte {
	accent, err := parseColour(b.Accent)
	if err != nil {
		return nil // check refused it before
	}
	var out strings.Builder
	fmt.Fprintf(&out, ":root { --accent: %s; --on-accent: %s; --accent-text: %s; }\n",
		accent, accent.readable(), accent.against(cardLight, colour{0, 0, 0}))
	fmt.Fprintf(&out, "@media (prefers-color-scheme: dark) {\n\t:root { --accent-text: %s; }\n}\n",
		accent.against(cardDark, colour{0xff, 0xff, 0xff}))
	return []byte(out.String())
}

type colour [3]uint8

// parseColour reads #rgb or #rrggbb.
func parseColour(s string) (colour, error) {
	digits := strings.TrimPrefix(s, "#")
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || len(digits) != 6 || s[0] != '#' {
		return colour{}, fmt.Errorf("%q is not a colour: want hexadecimal, as #0a5 or #00aa55", s)
	}
	return colour{uint8(n >> 16), uint8(n >> 8), uint8(n)}, nil
}

func (c colour) String() string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

// readable returns white if its contrast on c is sufficient, or else black.
func (c colour) readable() colour {
	white, black := colour{0xff, 0xff, 0xff}, colour{0, 0, 0}
	if contrast(c, white) >= minContrast {
		return white
	}
	return black
}

// against mixes c with towards, in growing shares, until it is readable on ground.
func (c colour) against(ground, towards colour) colour {
	for i := range 20 {
		share := float64(i) / 20
		mixed := c.mix(towards, share)
		if contrast(mixed, ground) >= accentContrast {
			return mixed
		}
	}
	return towards
}

func (c colour) mix(other colour, share float64) colour {
	var out colour
	for i := range c {
		out[i] = uint8(math.Round(float64(c[i])*(1-share) + float64(other[i])*share))
	}
	return out
}

// contrast is WCAG 2.2's contrast ratio, 1 to 21.
func contrast(a, b colour) float64 {
	l1, l2 := a.luminance(), b.luminance()
	return (max(l1, l2) + 0.05) / (min(l1, l2) + 0.05)
}

// luminance is WCAG 2.2's relative luminance, 0 to 1.
func (c colour) luminance() float64 {
	var linear [3]float64
	for i, v := range c {
		s := float64(v) / 255
		linear[i] = math.Pow((s+0.055)/1.055, 2.4)
		if s <= 0.04045 {
			linear[i] = s / 12.92
		}
	}
	return 0.2126*linear[0] + 0.7152*linear[1] + 0.0722*linear[2]
}
