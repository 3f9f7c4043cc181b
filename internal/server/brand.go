package server

import (
	"bytes"
	"fmt"
	"net/http"
	"os"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/templates"
)

// readBrand reads the brand's files. The logo's media type is determined from its content.
func readBrand(b *config.Brand) (templates.Brand, error) {
	out := templates.Brand{Name: b.Name, Accent: string(b.Accent)}
	if b.Logo != "" {
		raw, err := os.ReadFile(b.Logo)
		if err != nil {
			return out, fmt.Errorf("brand: logo: %w", err)
		}
		out.Logo, out.LogoType = raw, logoType(raw)
	}
	if b.CSS != "" {
		raw, err := os.ReadFile(b.CSS)
		if err != nil {
			return out, fmt.Errorf("brand: css: %w", err)
		}
		out.CSS = raw
	}
	return out.Check()
}

func logoType(raw []byte) string {
	if looksLikeSVG(raw) {
		return "image/svg+xml"
	}
	return http.DetectContentType(raw)
}

// looksLikeSVG reports whether a file begins like an SVG image. http.DetectContentType does not
// know SVG.
func looksLikeSVG(raw []byte) bool {
	head := bytes.TrimLeft(raw[:min(len(raw), 1024)], " \t\r\n\ufeff")
	return bytes.HasPrefix(head, []byte("<svg")) || bytes.HasPrefix(head, []byte("<?xml")) && bytes.Contains(head, []byte("<svg"))
}
