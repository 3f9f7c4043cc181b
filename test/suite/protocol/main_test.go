package protocol

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
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
	"github.com/secondgate/secondgate/test/kit/harness"
	"github.com/secondgate/secondgate/test/kit/split"
)

// Servers accept extended CONNECT over HTTP/2 (RFC 8441) only if this is in the environment before
// they start, so the tests start themselves again with it.
const xconnect = "http2xconnect=1"

func TestMain(m *testing.M) {
	if !strings.Contains(os.Getenv("GODEBUG"), xconnect) {
		os.Exit(again())
	}
	os.Exit(split.Run(m))
}

// certificate makes a certificate for 127.0.0.1, and returns its files and a pool that trusts it.
func certificate(t testing.TB, dir string) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Secondgate test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(leaf)
	return certFile, keyFile, roots
}

// server is a gateway that speaks every protocol: TLS with h1, h2 and h3 on one port,
// h1 and h2c without TLS on another.
type server struct {
	*harness.Harness
	plain string
	roots *x509.CertPool
}

// serve starts one; site is the usual site if empty.
func serve(t testing.TB, p http.Handler, site string) *server {
	t.Helper()
	if site == "" {
		site = fmt.Sprintf(harness.Site, harness.LegacyLines, "PORTAL")
	}
	s := &server{plain: harness.FreePort(t)}
	certFile, keyFile, roots := certificate(t, t.TempDir())
	s.roots = roots
	s.Harness = harness.StartWhole(t, p, fmt.Sprintf(`{
%s	servers {
		protocols h1 h2 h2c h3
	}
	two_factor {
		storage badger DIR
	}
}
(site) {
	bind 127.0.0.1
%s
}
https://127.0.0.1:PORT {
	tls %s %s
	import site
}
http://127.0.0.1:%s {
	import site
}
`, harness.GlobalLines, site, certFile, keyFile, s.plain))
	s.URL = strings.Replace(s.URL, "http://", "https://", 1)
	return s
}

// protocols are what clients speak: TLS or not, and how.
var protocols = []string{"h1", "h1 over TLS", "h2c", "h2", "h3"}

// browser returns one that speaks this protocol and no other.
func (s *server) browser(t testing.TB, protocol string) *harness.Browser {
	t.Helper()
	b := s.Browser()
	if protocol == "h1" || protocol == "h2c" {
		b.Base = "http://127.0.0.1:" + s.plain
	}
	config := &tls.Config{RootCAs: s.roots}
	if protocol == "h3" {
		tr := &http3.Transport{TLSClientConfig: config, DisableCompression: true}
		t.Cleanup(func() { tr.Close() })
		b.Client.Transport = tr
		return b
	}
	tr := &http.Transport{TLSClientConfig: config, Protocols: new(http.Protocols), DisableCompression: true}
	switch protocol {
	case "h2":
		tr.Protocols.SetHTTP2(true)
	case "h2c":
		tr.Protocols.SetUnencryptedHTTP2(true)
	default:
		tr.Protocols.SetHTTP1(true)
	}
	t.Cleanup(tr.CloseIdleConnections)
	b.Client.Transport = tr
	return b
}

// majors are the protocol versions that the clients must have seen.
var majors = map[string]int{"h1": 1, "h1 over TLS": 1, "h2c": 2, "h2": 2, "h3": 3}

// each runs a test once for each protocol, with a browser of alice's that has given
// a code over that protocol.
func each(t *testing.T, s *server, test func(t *testing.T, b *harness.Browser, protocol string)) {
	t.Helper()
	first := s.browser(t, "h1")
	first.SignIn("alice")
	device := first.Enrol()
	for _, protocol := range protocols {
		b := s.browser(t, protocol)
		if p := b.SignIn("alice"); p.Status != http.StatusSeeOther || p.Location != "/two-factor/challenge" {
			t.Fatalf("%s: sign-in: %d %q", protocol, p.Status, p.Location)
		}
		if p := b.Pass(device.Code(t)); p.Status != http.StatusSeeOther || p.Location != "/account" {
			t.Fatalf("%s: code: %d %q", protocol, p.Status, p.Location)
		}
		t.Run(protocol, func(t *testing.T) { test(t, b, protocol) })
	}
}
