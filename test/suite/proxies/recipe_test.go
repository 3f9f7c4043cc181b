//go:build crash

package proxies

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// section returns the code blocks of a kind below a heading of the page; for "" those before the
// first heading.
func section(t *testing.T, heading, kind string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "proxies.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := "## \n" + string(raw)
	for _, part := range strings.Split(page, "\n## ") {
		title, text, _ := strings.Cut(strings.TrimPrefix(part, "## "), "\n")
		if title != heading {
			continue
		}
		var blocks []string
		for _, m := range regexp.MustCompile("(?s)```"+kind+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
			blocks = append(blocks, m[1])
		}
		if len(blocks) > 0 {
			return blocks
		}
	}
	t.Fatalf("proxies.md has no %s under %q", kind, heading)
	return nil
}

// whoami is the portal's of the tests, in place of the page's.
const whoami = "two_factor {\n\t\twhoami /me {\n\t\t\tanonymous status 401\n\t\t\tuser json user\n\t\t}\n\t\tsign_in /login\n\t}\n"

var block = regexp.MustCompile(`(?s)two_factor \{\n\t\twhoami .*?\n\t\}\n`)

// caddyfile makes a Caddyfile of the page loadable here. port is where it listens.
func caddyfile(t *testing.T, text, port, certificate, key string) string {
	t.Helper()
	if len(block.FindAllString(text, -1)) != 1 {
		t.Fatalf("no two_factor in\n%s", text)
	}
	text = block.ReplaceAllString(text, whoami)
	text = strings.Replace(text, "{\n", "{\n"+harness.GlobalLines, 1)
	return strings.NewReplacer(
		"127.0.0.1:9000", "PORTAL", "/var/lib/secondgate", "DIR", ".com:8080", ".com:"+port,
		".com:8443 {\n", ".com:"+port+" {\n\ttls "+certificate+" "+key+"\n",
	).Replace(text)
}

// setting is a gateway, and the names that a recipe has to be filled in with.
type setting struct {
	*harness.Harness
	port, dir, certificate, key, both string
	pool                              *x509.CertPool
}

func newSetting(t *testing.T, caddy string, portal *portal) *setting {
	t.Helper()
	s := &setting{port: harness.FreePort(t), dir: t.TempDir()}
	s.certify(t)
	s.Harness = harness.StartWhole(t, portal, caddyfile(t, caddy, "PORT", s.certificate, s.key))
	return s
}

// certify makes a certificate for the portal's name.
func (s *setting) certify(t *testing.T) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "portal.example.com"}, DNSNames: []string{"portal.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	hidden := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})
	s.certificate, s.key, s.both = filepath.Join(s.dir, "portal.pem"), filepath.Join(s.dir, "portal.key"), filepath.Join(s.dir, "both.pem")
	for file, content := range map[string][]byte{s.certificate: public, s.key: hidden, s.both: append(public, hidden...)} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.pool = x509.NewCertPool()
	s.pool.AppendCertsFromPEM(public)
}

// fill puts this setting's names in place of the recipe's.
func (s *setting) fill(recipe string) string {
	behind := strings.TrimPrefix(s.URL, "http://")
	return strings.NewReplacer(
		"127.0.0.1:8080", behind, "127.0.0.1:8443", behind, "listen 443 ", "listen 127.0.0.1:"+s.port+" ", "bind :443", "bind 127.0.0.1:"+s.port,
		"/etc/ssl/portal.both.pem", s.both, "/etc/ssl/portal.pem", s.certificate, "/etc/ssl/portal.key", s.key,
	).Replace(recipe)
}

// serve runs a proxy until the test ends, and waits until it listens.
func (s *setting) serve(t *testing.T, program, file, config string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/" + program); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is missing: run ./test/run as root", program)
			}
			t.Skipf("%s is missing: run ./test/run as root", program)
		}
	}
	if err := os.WriteFile(filepath.Join(s.dir, file), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s wrote:\n%s", program, out.String())
		}
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", "127.0.0.1:"+s.port)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen: %v\n%s", program, err, out.String())
		}
	}
}

// nginx runs nginx with these blocks of the http section. It stays one process, so that
// killing it leaves none behind.
func (s *setting) nginx(t *testing.T, blocks string) {
	t.Helper()
	var temp strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp.WriteString(kind + "_temp_path " + filepath.Join(s.dir, kind) + ";\n")
	}
	s.serve(t, "nginx", "nginx.conf", "daemon off;\nmaster_process off;\npid "+s.dir+"/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n"+
		temp.String()+s.fill(blocks)+"}\n", "-e", "stderr", "-p", s.dir, "-c", filepath.Join(s.dir, "nginx.conf"))
}

func (s *setting) haproxy(t *testing.T, config string) {
	t.Helper()
	s.serve(t, "haproxy", "haproxy.cfg", s.fill(config), "-db", "-f", filepath.Join(s.dir, "haproxy.cfg"))
}

// client connects to the proxy from an address of its own, for every host name.
func (s *setting) client() (dial func() (net.Conn, error), config *tls.Config) {
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(clientIP)}, Timeout: 10 * time.Second}
	return func() (net.Conn, error) { return from.Dial("tcp", "127.0.0.1:"+s.port) },
		&tls.Config{RootCAs: s.pool, ServerName: "portal.example.com"}
}

// clientIP is the address of the test's browsers; the proxies connect from 127.0.0.1.
const clientIP = "127.0.0.7"
