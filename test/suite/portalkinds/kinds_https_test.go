package portalkinds

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// byHTTPS are sites over HTTPS: the gateway's own, and behind a proxy that ends it.
var byHTTPS = []kind{
	{name: "https", file: "usual", portal: secure, start: overHTTPS},
	{name: "https-behind", portal: secure, start: behindProxy},
	{name: "https-untrusted", file: "usual", portal: func() *portal { return &portal{keeper: serverSide()} }, start: behindProxy, more: insecure},
}

// secure is a portal that writes its own address as https, keeps its cookie for that,
// and gives a session up that comes over anything else.
func secure() *portal {
	p := absolute()
	k := serverSide()
	k.attributes += "; Secure"
	p.keeper = pinned{server: k}
	return p
}

// certificate is httptest's, for 127.0.0.1, as files.
func certificate(t *testing.T) (roots *x509.CertPool, certFile, keyFile string) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	roots = x509.NewCertPool()
	roots.AddCert(s.Certificate())
	key, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: s.Certificate().Raw}, keyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return roots, certFile, keyFile
}

// overHTTPS has the gateway itself speak HTTPS.
func overHTTPS(t *testing.T, p *portal, caddyfile string) *harness.Harness {
	roots, cert, key := certificate(t)
	h := harness.StartWhole(t, p, strings.Replace(caddyfile, siteAddress,
		strings.Replace(siteAddress, "http:", "https:", 1)+"\n\ttls "+cert+" "+key, 1))
	h.URL = strings.Replace(h.URL, "http://", "https://", 1)
	trust(t, h, roots)
	return h
}

// behindProxy puts a proxy before the gateway that terminates HTTPS and sets X-Forwarded-Proto.
func behindProxy(t *testing.T, p *portal, caddyfile string) *harness.Harness {
	h := harness.StartWhole(t, p, caddyfile)
	inner, err := url.Parse(h.URL)
	if err != nil {
		t.Fatal(err)
	}
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	front := httptest.NewTLSServer(&httputil.ReverseProxy{
		Transport: &http.Transport{DialContext: dialer.DialContext, DisableCompression: true},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(inner)
			r.Out.Host = r.In.Host
			r.Out.Header.Set("X-Forwarded-Proto", "https")
			r.Out.Header.Set("X-Forwarded-For", "192.0.2.7")
		},
	})
	t.Cleanup(front.Close)
	h.URL = front.URL
	roots := x509.NewCertPool()
	roots.AddCert(front.Certificate())
	trust(t, h, roots)
	return h
}

// trust makes the browsers of a gateway accept its certificate.
func trust(t *testing.T, h *harness.Harness, roots *x509.CertPool) {
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(tr.CloseIdleConnections)
	transports[h] = tr
	t.Cleanup(func() { delete(transports, h) })
}

// transports are those of the browsers of gateways with a certificate.
var transports = map[*harness.Harness]*http.Transport{}

// insecure: if the proxy is not trusted, cookies are not marked Secure.
func insecure(j *journey, _ *harness.Device) {
	for name := range j.Cookies("/") {
		if strings.HasPrefix(name, "__Host-") {
			j.t.Errorf("%s was set on the word of a proxy that is not trusted", name)
		}
	}
}
