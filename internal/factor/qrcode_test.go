package factor

import (
	"strings"
	"testing"
)

// A strict Content-Security-Policy allows no style attribute, no script and nothing from elsewhere.
func TestQRCodeFitsStrictCSP(t *testing.T) {
	svg, err := QRCode("otpauth://totp/x?secret=JBSWY3DPEHPK3PXP")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"style", "script", "href", "url(", " on", "width", "otpauth", "JBSWY3DPEHPK3PXP"} {
		if strings.Contains(svg, bad) {
			t.Errorf("the drawing contains %q", bad)
		}
	}
}

func TestQRCodeTooLong(t *testing.T) {
	_, err := QRCode("otpauth://totp/SECRET" + strings.Repeat("x", 3000))
	if err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("error %v", err)
	}
}
