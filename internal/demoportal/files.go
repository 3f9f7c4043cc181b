package demoportal

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// maxBig bounds /files/big, in bytes.
const maxBig = 8 << 30

// invoiceFile serves /files/invoice-NUMBER.pdf.
func (p *Portal) invoiceFile(w http.ResponseWriter, r *http.Request, c Customer) {
	for _, inv := range sampleInvoices {
		if r.PathValue("name") != "invoice-"+inv.Number+".pdf" {
			continue
		}
		w.Header().Set("Content-Disposition", `attachment; filename="invoice-`+inv.Number+`.pdf"`)
		w.Header().Set("Content-Type", "application/pdf")
		w.Header().Set("Cache-Control", "private, no-cache")
		_, _ = w.Write(pdf(
			"Oma Avaruus", "Invoice "+inv.Number+" of "+inv.Date,
			fmt.Sprintf("Customer %d (%s)", c.ID, c.Name), inv.For,
			"To pay: "+strings.ReplaceAll(inv.Sum, "€", "EUR")))
		return
	}
	http.NotFound(w, r)
}

// pdf makes a one-page PDF 1.4 document of lines of ASCII text.
func pdf(lines ...string) []byte {
	var text strings.Builder
	text.WriteString("BT /F1 14 Tf 72 760 Td 24 TL\n")
	escape := strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`)
	for _, line := range lines {
		fmt.Fprintf(&text, "(%s) Tj T*\n", escape.Replace(line))
	}
	text.WriteString("ET")
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", text.Len(), text.String()),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	xref := fmt.Sprintf("xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for i, o := range objects {
		xref += fmt.Sprintf("%010d 00000 n \n", b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", xref, len(objects)+1, start)
	return b.Bytes()
}

// bigFile streams ?size=N bytes, for trying that downloads need no memory on the way.
func (p *Portal) bigFile(w http.ResponseWriter, r *http.Request, _ Customer) {
	size, err := strconv.ParseInt(r.FormValue("size"), 10, 64)
	if err != nil || size < 0 || size > maxBig {
		http.Error(w, "size is a number of bytes, at most 8 GiB", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	_, _ = io.CopyN(w, letters{}, size)
}

// letters is an endless reader of the letter a.
type letters struct{}

func (letters) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'a'
	}
	return len(b), nil
}

// upload reads a body of any length and answers how long it was.
func (p *Portal) upload(w http.ResponseWriter, r *http.Request, _ Customer) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "the upload broke off"})
		return
	}
	writeJSON(w, http.StatusOK, map[string]int64{"bytes": n})
}
