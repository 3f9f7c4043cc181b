package caddyworld

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// server is what all worlds of a test share: ports, certificates, and a store that keeps the
// users' second factors over all worlds.
type server struct {
	t       *testing.T
	dir     string
	ports   []string
	dead    string
	lines   lines
	portals []*portal
	ends    []func()
	// devices are the authenticators, by realm and user.
	devices map[string]*harness.Device
}

func startServer(t *testing.T) *server {
	t.Helper()
	caddy.DefaultStorage.Path = filepath.Join(t.TempDir(), "caddy") // not the developer's
	s := &server{t: t, dir: t.TempDir(), dead: harness.FreePort(t), devices: map[string]*harness.Device{}}
	for range 2 {
		s.ports = append(s.ports, harness.FreePort(t))
	}
	s.lines = makeCerts(t, s.dir)
	t.Cleanup(func() {
		s.unload()
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping Caddy: %v", err)
		}
	})
	s.enrolAll()
	return s
}

// fill puts the addresses of this process in place of the names.
func (s *server) fill(text string) string {
	pairs := []string{"DEAD", "127.0.0.1:" + s.dead, "CERTS", s.dir}
	for i, end := range s.portals {
		_ = end
		pairs = append(pairs, "PORTAL"+strconv.Itoa(i), s.address(i))
	}
	for i, p := range s.ports {
		pairs = append(pairs, "PORT"+strconv.Itoa(i), p)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

var addresses = map[*portal]string{}

func (s *server) address(i int) string { return addresses[s.portals[i]] }

// errRefused says that the Caddyfile was refused, which is no failure.
var errRefused = errors.New("refused")

// load starts a case's portals and Caddyfile.
func (s *server) load(c Case) error {
	s.unload()
	for _, kind := range c.Portals {
		p := newPortal(kind)
		end := httptest.NewServer(p)
		addresses[p] = strings.TrimPrefix(end.URL, "http://")
		s.portals = append(s.portals, p)
		s.ends = append(s.ends, func() { end.CloseClientConnections(); end.Close(); delete(addresses, p) })
	}
	err := s.adapt(c.Caddyfile)
	if err != nil && strings.Contains(err.Error(), "interchanged") {
		// Another world had its realms at other sites, so this configuration moves them.
		if err = s.adapt(parked()); err == nil {
			err = s.adapt(c.Caddyfile)
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	for _, port := range s.ports {
		awaitListener(port)
	}
	return nil
}

// parked gives each realm a site of its own, at an address that no world uses.
func parked() (text string) {
	for _, realm := range realms {
		host, line := "default", ""
		if realm != "" {
			host, line = realm, "realm "+realm+"\n"
		}
		text += "http://" + host + ".parked.test:PORT0 {\nbind 127.0.0.1\ntwo_factor {\n" + line + whoamiLines + "\n}\nreverse_proxy PORTAL0\n}\n"
	}
	return text
}

// adapt loads the sites of a Caddyfile.
func (s *server) adapt(sites string) error {
	return harness.LoadCaddyfile(s.fill(fmt.Sprintf(`{
	admin off
	persist_config off
	auto_https off
	log {
		output %s
		level ERROR
	}
	two_factor {
		storage badger %s
	}
}
`, logOutput(s.dir), filepath.Join(s.dir, "store")) + sites))
}

// logOutput is where Caddy's log goes: nowhere, unless ADVERSARY_LOG names a file.
func logOutput(string) string {
	if file := os.Getenv("ADVERSARY_LOG"); file != "" {
		return "file " + file
	}
	return "discard"
}

func (s *server) unload() {
	s.lines.close()
	for _, end := range s.ends {
		end()
	}
	s.portals, s.ends = nil, nil
}

// awaitListener waits until a replaced server has closed its listener: a connection that
// still came to it would be reset. Where there is no /proc it does not wait.
func awaitListener(port string) {
	n, _ := strconv.ParseUint(port, 10, 16)
	listening := fmt.Sprintf(":%04X 00000000:0000 0A ", n)
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if raw, err := os.ReadFile("/proc/net/tcp"); err != nil || strings.Count(string(raw), listening) <= 1 {
			return
		}
	}
}

// makeCerts writes an authority, the server's certificate for portal.test and
// other.test, and makes one for each user.
func makeCerts(t *testing.T, dir string) lines {
	t.Helper()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(240 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	caRaw, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	must(t, err)
	issue := func(name string, hosts ...string) tls.Certificate {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		raw, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: hosts,
			NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}, ca, &key.PublicKey, caKey)
		must(t, err)
		der, err := x509.MarshalPKCS8PrivateKey(key)
		must(t, err)
		write(t, dir, name+".pem", "CERTIFICATE", raw)
		write(t, dir, name+".key", "PRIVATE KEY", der)
		return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
	}
	write(t, dir, "ca.pem", "CERTIFICATE", caRaw)
	issue("server", "portal.test", "other.test")
	l := lines{certs: map[string]tls.Certificate{}, open: nil, roots: &tls.Config{RootCAs: x509.NewCertPool()}}
	l.close()
	parsed, err := x509.ParseCertificate(caRaw)
	must(t, err)
	l.roots.RootCAs.AddCert(parsed)
	for _, user := range []string{"victim", "mallory", "mallet"} {
		l.certs[user] = issue(user, user)
	}
	return l
}

func write(t *testing.T, dir, name, kind string, raw []byte) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
