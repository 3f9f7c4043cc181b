package templates

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestParseColour(t *testing.T) {
	for in, want := range map[string]string{"#0a5": "#00aa55", "#00AA55": "#00aa55", "#fff": "#ffffff"} {
		if got, err := parseColour(in); err != nil || got.String() != want {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "#", "0a5", "#0a5a", "#00aa5", "red", "#0a5;}", "#+12345", "##fff"} {
		if got, err := parseColour(in); err == nil {
			t.Errorf("%q was taken for %s", in, got)
		}
	}
}

// TestAnyAccentIsReadable: text in any accent colour that an operator can choose meets WCAG 2.2,
// 1.4.3.
func TestAnyAccentIsReadable(t *testing.T) {
	for r := 0; r < 256; r += 15 {
		for g := 0; g < 256; g += 15 {
			for b := 0; b < 256; b += 15 {
				c := colour{uint8(r), uint8(g), uint8(b)}
				for what, ratio := range map[string]float64{
					"on the accent": contrast(c, c.readable()),
					"on the card":   contrast(c.against(cardLight, colour{0, 0, 0}), cardLight),
					"in the dark":   contrast(c.against(cardDark, colour{255, 255, 255}), cardDark),
				} {
					if ratio < minContrast {
						t.Fatalf("accent %s: contrast %s is %.2f", c, what, ratio)
					}
				}
			}
		}
	}
}

// TestPaletteIsReadable: the palette of style.css, light and dark, and the card colours in
// brand.go meet WCAG 2.2, 1.4.3.
func TestPaletteIsReadable(t *testing.T) {
	css, err := os.ReadFile("assets/style.css")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile(`:root \{[^}]*--ground[^}]*\}`).FindAllString(string(css), 2)
	if len(blocks) != 2 {
		t.Fatalf("want a light and a dark palette, found %d", len(blocks))
	}
	for i, card := range []colour{cardLight, cardDark} {
		p := palette(t, blocks[i])
		if p["card"] != card {
			t.Errorf("palette %d: the card is %s, brand.go says %s", i, p["card"], card)
		}
		for _, pair := range [][2]string{
			{"text", "card"}, {"text", "ground"}, {"text", "tint"}, {"soft", "card"}, {"soft", "ground"}, {"soft", "tint"},
			{"bad", "bad-tint"}, {"bad", "card"}, {"text", "bad-tint"}, {"good", "good-tint"}, {"warn", "warn-tint"},
		} {
			if ratio := contrast(p[pair[0]], p[pair[1]]); ratio < minContrast {
				t.Errorf("palette %d: %s on %s has contrast %.2f", i, pair[0], pair[1], ratio)
			}
		}
		if ratio := contrast(p["field"], p["card"]); ratio < 3 { // 1.4.11, non-text
			t.Errorf("palette %d: the field's border has contrast %.2f", i, ratio)
		}
	}
}

func palette(t *testing.T, block string) map[string]colour {
	out := map[string]colour{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6})`).FindAllStringSubmatch(block, -1) {
		c, err := parseColour(m[2])
		if err != nil {
			t.Fatal(err)
		}
		out[m[1]] = c
	}
	return out
}

func TestBrandIsChecked(t *testing.T) {
	for name, c := range map[string]struct {
		brand Brand
		want  string
	}{
		"accent": {Brand{Accent: "green"}, `"green" is not a colour`},
		"type":   {Brand{Logo: []byte("x"), LogoType: "text/html"}, `"text/html"`},
		"size":   {Brand{Logo: make([]byte, maxLogo+1), LogoType: "image/png"}, "1048577 bytes"},
	} {
		if _, err := New(Options{Brand: c.brand}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAssetsAreNamedByContent(t *testing.T) {
	one, err := New(Options{Path: "/two-factor", Brand: Brand{Accent: "#0a5", CSS: []byte("p{}"), Logo: []byte("<svg/>"), LogoType: "image/svg+xml"}})
	if err != nil {
		t.Fatal(err)
	}
	other, err := New(Options{Path: "/two-factor", Brand: Brand{Accent: "#a50"}})
	if err != nil {
		t.Fatal(err)
	}
	if one.links.Brand == other.links.Brand || one.links.Style != other.links.Style {
		t.Errorf("brand %s, %s; style %s, %s", one.links.Brand, other.links.Brand, one.links.Style, other.links.Style)
	}
	for _, link := range []string{one.links.Style, one.links.Brand, one.links.Extra, one.links.Script, one.links.Icon, one.links.Logo} {
		name, ok := strings.CutPrefix(link, "/two-factor/assets/")
		asset, found := one.Asset(name)
		if !ok || !found || asset.Type == "" || len(asset.Content) == 0 {
			t.Errorf("no asset behind %q", link)
		}
	}
}
