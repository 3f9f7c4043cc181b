package edge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// authority is a certificate of the tests, which signs for itself and is its own client
// certificate as well.
type authority struct {
	certFile, keyFile string
	pair              tls.Certificate
	roots             *x509.CertPool
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	a := &authority{roots: x509.NewCertPool()}
	a.roots.AppendCertsFromPEM(certPEM)
	if a.pair, err = tls.X509KeyPair(certPEM, keyPEM); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	a.certFile, a.keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, content := range map[string][]byte{a.certFile: certPEM, a.keyFile: keyPEM} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// startTLS runs a site over HTTPS with HTTP/1.1, 2 and 3; tlsLines are lines of its
// `tls` block.
func startTLS(t *testing.T, portal http.Handler, a *authority, tlsLines, site string) *harness.Harness {
	t.Helper()
	h := harness.StartWhole(t, portal, fmt.Sprintf(`{
%s	servers {
		protocols h1 h2 h3
	}
	two_factor {
		storage memory DIR
	}
}
https://localhost:PORT {
	bind 127.0.0.1
	tls %s %s {
		%s
	}
%s
}
`, harness.GlobalLines, a.certFile, a.keyFile, tlsLines, site))
	h.URL = strings.Replace(h.URL, "http://127.0.0.1", "https://localhost", 1)
	return h
}

// TestI1_ClientCertificate: whoami gets the certificate's subject as the portal does.
func TestI1_ClientCertificate(t *testing.T) {
	a := newAuthority(t, "alice")
	e := &echo{}
	h := startTLS(t, e, a, "client_auth {\nmode require_and_verify\ntrust_pool file "+a.certFile+"\n}",
		gate+"reverse_proxy PORTAL {\n header_up X-Remote-User {http.request.tls.client.subject}\n}")
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		b := h.Browser()
		tr := &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: a.roots, Certificates: []tls.Certificate{a.pair}}, Protocols: new(http.Protocols),
		}
		tr.Protocols.SetHTTP1(protocol == "HTTP/1.1")
		tr.Protocols.SetHTTP2(protocol == "HTTP/2.0")
		t.Cleanup(tr.CloseIdleConnections)
		b.Client.Transport = tr
		sameHeader(t, e, b, "CN=alice")
	}
}
