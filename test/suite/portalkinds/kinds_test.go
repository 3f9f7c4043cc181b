package portalkinds

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// kind is one kind of portal.
type kind struct {
	// name is also the name of its Caddyfile in testdata, unless file is set.
	name, file string
	// portal makes one.
	portal func() *portal
	// short makes a smaller portal of this kind, for tests that send it many questions and do not
	// depend on its size; default: portal.
	short func() *portal
	// login is the path of the sign-in page below the portal's base; default /login.
	login string
	// enter signs in where no form does; more are further checks of this kind, after the journey.
	enter func(j *journey, login, password string) *harness.Page
	more  func(j *journey, device *harness.Device)
	// start runs the gateway; default: harness.StartWhole with the Caddyfile.
	start func(t *testing.T, p *portal, caddyfile string) *harness.Harness
}

func (k *kind) shorter() *portal {
	if k.short != nil {
		return k.short()
	}
	return k.portal()
}

func (k *kind) form() string {
	if k.login != "" {
		return k.login
	}
	return "/login"
}

func (k *kind) visitor(t *testing.T, h *harness.Harness) *visitor {
	b := h.Browser()
	if tr := transports[h]; tr != nil {
		b.Client.Transport = tr
	}
	return newVisitor(t, b)
}

// TestKinds takes a customer through every kind of portal.
func TestKinds(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			p := k.portal()
			h := k.run(t, p)
			(&journey{t: t, k: &k, p: p, h: h, visitor: k.visitor(t, h)}).run()
		})
	}
}

func (k *kind) run(t *testing.T, p *portal) *harness.Harness {
	t.Helper()
	text := caddyfile(t, cmp.Or(k.file, k.name))
	if k.start != nil {
		return k.start(t, p, text)
	}
	return harness.StartWhole(t, p, text)
}

// caddyfile is the documented one, at the test's addresses.
func caddyfile(t testing.TB, name string) string {
	t.Helper()
	text := read(t, filepath.Join("testdata", name+".caddyfile"))
	global := "{\n" + harness.GlobalLines + "\ttwo_factor {\n\t\tstorage memory DIR\n\t}\n"
	if options, ok := strings.CutPrefix(text, "{\n"); ok {
		text = global + options
	} else {
		text = global + "}\n" + text
	}
	return promptly(strings.NewReplacer(
		"http://portal.example.com {", siteAddress, "portal.example.com {", siteAddress,
		"127.0.0.1:8080", "PORTAL", "192.0.2.1/32", "127.0.0.2/32",
	).Replace(text))
}

// promptly shortens `settle`: these portals commit sign-ins at once, and the gateway waits
// before each that comes sooner after the form than a person's.
func promptly(caddyfile string) string {
	return strings.Replace(caddyfile, "\t\twhoami ", "\t\tsettle 100ms\n\t\twhoami ", 1)
}

// TestDocumented: every Caddyfile that is run is in the documentation, and the other way
// round.
func TestDocumented(t *testing.T) {
	doc := read(t, filepath.Join("..", "..", "..", "docs", "portals", "kinds.md"))
	files, err := filepath.Glob("testdata/*.caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	run := map[string]bool{}
	for i := range kinds {
		run[kinds[i].file] = true
		run[kinds[i].name] = run[kinds[i].name] || kinds[i].file == ""
	}
	for _, file := range files {
		if !strings.Contains(doc, "```caddyfile\n"+read(t, file)+"```\n") {
			t.Errorf("%s is not in the documentation", file)
		}
		if name := strings.TrimSuffix(filepath.Base(file), ".caddyfile"); !run[name] {
			t.Errorf("%s is not run", file)
		}
	}
	if n := strings.Count(doc, "```caddyfile\n"); n != len(files) {
		t.Errorf("%d Caddyfiles in the documentation, %d are run", n, len(files))
	}
}

// siteAddress replaces the documented address of a site.
const siteAddress = "http://127.0.0.1:PORT {\n\tbind 127.0.0.1"

func read(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// kinds are all of them, by what makes them different.
var kinds = slices.Concat(bySessions, byHand, bySignIn, byName, byAddress, bySize, byCompression, byHTTPS)
