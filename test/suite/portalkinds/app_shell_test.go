//go:build browser

package portalkinds

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/browser"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// shellWorker answers navigations with the page of the app, as Workbox's NavigationRoute
// (vite-plugin-pwa: navigateFallback) and Angular's ngsw do by default.
const shellWorker = `
addEventListener('install', e => e.waitUntil(caches.open('v1').then(c => c.add('/shell')).then(() => skipWaiting())));
addEventListener('activate', e => e.waitUntil(clients.claim()));
addEventListener('fetch', e => {
	if (e.request.mode === 'navigate') e.respondWith(caches.match('/shell'));
});`

const shellApp = `
navigator.serviceWorker.register('/sw.js');
fetch('/api/me').then(r => r.ok ? r.json() : Promise.reject(r.status)).then(
	me => document.title = 'signed in as ' + me.id, status => document.title = 'refused ' + status);`

func appShell(w http.ResponseWriter, r *http.Request) {
	c, err := r.Cookie("sid")
	switch r.URL.Path {
	case "/sw.js", "/app.js":
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, map[string]string{"/sw.js": shellWorker, "/app.js": shellApp}[r.URL.Path])
	case "/api/login":
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "session-of-carol", Path: "/", HttpOnly: true})
		fmt.Fprint(w, "{}")
	case "/api/me":
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":%q}`, strings.TrimPrefix(c.Value, "session-of-"))
	default:
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><html><head><title>start</title></head><body id=app>app<script src="/app.js"></script></body></html>`)
	}
}

// TestAppShell_ServiceWorker: a service worker answers navigations with the application's page. Its
// user reaches the challenge all the same, by the assist script.
func TestAppShell_ServiceWorker(t *testing.T) {
	h := harness.Start(t, http.HandlerFunc(appShell), `
		whoami /api/me {
			anonymous status 401
			user json id
		}
		assist`)
	b := h.Browser()
	b.Fetch("POST", "/api/login", "application/json", "{}")
	b.Enrol()

	base := h.URL
	c := browser.Start(t)
	c.Open(base + "/")
	for range 50 {
		if browser.Evaluate[bool](c, "!!navigator.serviceWorker.controller") {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if !browser.Evaluate[bool](c, "!!navigator.serviceWorker.controller") {
		t.Fatal("the service worker does not control the page")
	}
	browser.Evaluate[bool](c, "setTimeout(() => fetch('/api/login', {method: 'POST'})) > 0")
	time.Sleep(3 * time.Second)
	for _, path := range []string{"/two-factor/challenge", "/two-factor/"} {
		c.Open(base + path)
		for end := time.Now().Add(20 * time.Second); !c.Has("#code") && time.Now().Before(end); {
			time.Sleep(100 * time.Millisecond)
		}
		if !c.Has("#code") {
			t.Errorf("%s shows %q at %s, not the challenge", path, browser.Evaluate[string](c, "document.title"), c.URL())
		}
	}
}
