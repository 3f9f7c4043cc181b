package portal

import (
	"net/http"
	"testing"
)

func TestHeaders_Credential(t *testing.T) {
	h := NewHeaders([]string{"authorization", "X-Csrf-Token"})
	for name, want := range map[string]bool{
		"Authorization": true, "X-Csrf-Token": true, "X-Unknown": true, "X-Api-Key": true, "X_User": true,
		"User-Agent": false, "Accept": false, "Sec-Ch-Ua": false, "Sec-Ch-Ua-Arch": false, "Sec-Fetch-Site": false, "Origin": false, "Referer": false, "X-Forwarded-For": false,
	} {
		if h.Credential(name) != want {
			t.Errorf("%s is a credential: %v", name, !want)
		}
	}
	header := http.Header{"Authorization": {"a"}, "X-Api-Key": {"b"}, "Proxy-Authorization": {"c"}, "X-Unknown": {"d"}, "Accept": {"e"}}
	h.Strip(header)
	if len(header) != 3 || header["X-Api-Key"] != nil || header["Proxy-Authorization"] != nil {
		t.Errorf("left: %v", header)
	}
}

// TestHeaders_Take: what an answer depends on is in the key, what not is not.
func TestHeaders_Take(t *testing.T) {
	h := NewHeaders([]string{"X-Device"})
	take := func(change func(http.Header)) (Key, bool) {
		r := &http.Request{Host: "portal.example", Header: http.Header{"User-Agent": {"a"}, "Accept": {"b"}}}
		change(r.Header)
		return h.Take(r, "192.0.2.1")
	}
	plain, credentials := take(func(http.Header) {})
	if credentials {
		t.Error("an ordinary request has credentials")
	}
	for name, credential := range map[string]bool{
		"Accept-Language": false, "Origin": false, "Sec-Ch-Ua": false, "Sec-Ch-Ua-Model": false, "Referer": false, "X-Real-Ip": false, "X-Forwarded-For": false, "Forwarded": false,
		"X-Device": true, "X-Unknown": true,
	} {
		key, got := take(func(h http.Header) { h[name] = []string{"https://x.example/"} })
		twice, _ := take(func(h http.Header) { h[name] = []string{"https://x.example/", "2"} })
		if key == plain || twice == key || twice == plain || got != credential {
			t.Errorf("%s: in the key %v, twice %v, credential %v", name, key != plain, twice != key, got)
		}
	}
	for name, value := range map[string]string{"Accept": "x", "Range": "bytes=0-", "Cache-Control": "no-cache", "X-Requested-With": "x", "Sec-Fetch-Site": "none", "X-Api-Key": "stripped", "Referer": "https://portal.example/a"} {
		if key, got := take(func(h http.Header) { h[name] = []string{value} }); key != plain || got {
			t.Errorf("%s is in the key: %+v", name, key)
		}
	}
	elsewhere, _ := h.Take(&http.Request{Host: "portal.example", Header: http.Header{"User-Agent": {"a"}}}, "192.0.2.2")
	if elsewhere == plain {
		t.Error("the client's address is not in the key")
	}
	one, _ := take(func(h http.Header) { h["X-A"], h["X-B"] = []string{"1"}, []string{"2"} })
	two, _ := take(func(h http.Header) { h["X-A"] = []string{"1X-B2"} })
	if one == two {
		t.Error("one header poses as two")
	}
}

func TestQuestion_LeavesTheRequestAlone(t *testing.T) {
	header := http.Header{"Cookie": {"a"}, "Range": {"b"}, "Upgrade": {"c"}, "Content-Type": {"d"}, "If-None-Match": {"e"}, "User-Agent": {"f"}, "X-Unknown": {"g"}, "Sec-Websocket-Key": {"h"}}
	q := Question(header)
	if len(header) != 8 || len(q) != 5 || q.Get("User-Agent") != "f" || q.Get("X-Unknown") != "g" || q.Get("Accept-Encoding") != "identity" {
		t.Errorf("%v of %v", q, header)
	}
}
