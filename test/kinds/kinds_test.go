package kinds

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/house"
)

// kind is one kind of portal.
type kind struct {
	// name is also that of its Caddyfile in testdata.
	name string
	// portal makes one.
	portal func() *portal
	// login is the path of the sign-in page below the portal's base; default /login.
	login string
	// enter signs in where no form does; more is what this kind shows beside the journey.
	enter func(j *journey, login, password string) *house.Page
	more  func(j *journey, device *house.Device)
	// browser makes the customer's browser ready.
	browser func(v *visitor)
}

func (k *kind) form() string {
	if k.login != "" {
		return k.login
	}
	return "/login"
}

func (k *kind) visitor(t *testing.T, h *house.House) *visitor {
	v := newVisitor(t, h.Browser())
	if k.browser != nil {
		k.browser(v)
	}
	return v
}

// TestKinds takes a customer through every kind of portal.
func TestKinds(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			p := k.portal()
			h := house.StartWhole(t, p, caddyfile(t, k.name))
			(&journey{t: t, k: &k, p: p, h: h, visitor: k.visitor(t, h)}).run()
		})
	}
}

// caddyfile is the documented one, at the test's addresses.
func caddyfile(t testing.TB, name string) string {
	t.Helper()
	text := read(t, filepath.Join("testdata", name+".caddyfile"))
	return "{\n" + house.GlobalLines + `	two_factor {
		storage badger DIR
	}
}
` + strings.NewReplacer(
		"portal.example.com {", "http://127.0.0.1:PORT {\n\tbind 127.0.0.1", "127.0.0.1:8080", "PORTAL",
	).Replace(text)
}

func read(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// kinds are all of them, by what makes them different.
var kinds = slices.Concat(bySessions, bySignIn, byName, byAddress, bySize)
