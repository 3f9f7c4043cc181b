package insert

import (
	"io"
	"strings"
	"testing"
)

// BenchmarkPage is a page of 64 KiB in portions of 32 KiB, with its link near the end: as
// much as a page can cost.
func BenchmarkPage(b *testing.B) {
	page := []byte("<!doctype html><head><title>x</title></head><body>" +
		strings.Repeat(`<div class="row wide"><a href="/some/address?id=1">Some text</a> and more of it</div>`+"\n", 700) + "<ul id=menu><li>1</li></ul>")
	p, err := Link("#menu", Append, "/two-factor/", "Two-factor authentication")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		s := New(io.Discard, Coding{}, []Piece{p})
		for rest := page; len(rest) > 0; rest = rest[min(len(rest), 32<<10):] {
			if _, err := s.Write(rest[:min(len(rest), 32<<10)]); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
