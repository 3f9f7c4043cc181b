package portal

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

// TestHeaders_OneClass: a header is in one of the lists only. A name in two would have the
// class of the list that is read last.
func TestHeaders_OneClass(t *testing.T) {
	seen := make(map[string]string)
	lists := map[string][]string{
		"hop": hopHeaders, "constant": constantHeaders, "varying": varyingHeaders, "tracing": tracingHeaders, "stripped": strippedHeaders,
	}
	for name := range pins {
		lists["pins"] = append(lists["pins"], name)
	}
	for list, names := range lists {
		for _, name := range names {
			if other, known := seen[name]; known {
				t.Errorf("%s is %s and %s", name, other, list)
			}
			seen[name] = list
			if name != ":protocol" && name != http.CanonicalHeaderKey(name) {
				t.Errorf("%s is not written as requests have it", name)
			}
		}
	}
}

// TestHeaders_Usual: what is known of headers without a look-up is what the look-up says,
// and a declaration of the site overrides it.
func TestHeaders_Usual(t *testing.T) {
	h := NewHeaders(nil)
	seen := 0
	for name, want := range h.classes {
		if got := usual(name); got != credential {
			seen++
			if got != want {
				t.Errorf("%s is usually %d, by the list %d", name, got, want)
			}
		}
	}
	for _, name := range []string{"Sec-Fetch-Dest", "Accept", "User-Agent", "Referer"} {
		if usual(name) == credential {
			t.Errorf("%s is not usual", name)
		}
		if got := NewHeaders([]string{name}).class(name); got != credential {
			t.Errorf("%s was declared, but is %d", name, got)
		}
	}
	if seen < 10 {
		t.Errorf("only %d usual headers are in the list", seen)
	}
}

// TestHeaders_UsualValues: each header that gets a constant has values that browsers send
// by themselves; without any, its values would always be copied.
func TestHeaders_UsualValues(t *testing.T) {
	for name := range usualValue {
		if c := NewHeaders(nil).class(name); c != constant {
			t.Errorf("%s has usual values, but is of class %d", name, c)
		}
	}
	for _, name := range constantHeaders {
		if usualValue[name] == nil {
			t.Errorf("%s has no usual value", name)
		}
	}
	for name := range formed {
		if c := NewHeaders(nil).class(name); c != hop {
			t.Errorf("%s has a form, but is of class %d", name, c)
		}
	}
}

func TestHeaders_Credential(t *testing.T) {
	h := NewHeaders([]string{"authorization", "X-Csrf-Token"})
	for name, want := range map[string]bool{
		"Authorization": true, "X-Csrf-Token": true, "X-Unknown": true, "X-Api-Key": true, "X_User": true,
		"User-Agent": false, "Accept": false, "Sec-Ch-Ua": false, "Sec-Ch-Ua-Arch": false, "Sec-Fetch-Site": false, "Origin": false,
		"Referer": false, "X-Forwarded-For": false, "X-Request-Id": false, "Cf-Ray": false, "Sec-Fetch-New": false,
	} {
		if h.Credential(name) != want {
			t.Errorf("%s is a credential: %v", name, !want)
		}
	}
	for name, want := range map[string]bool{"Authorization": true, "X-Csrf-Token": true, "X-Unknown": false, "Accept": false} {
		if h.Declared(name) != want {
			t.Errorf("%s is declared: %v", name, !want)
		}
	}
}

// take returns the pins of a request with these headers in addition to ordinary ones.
func take(h *Headers, change func(http.Header)) (Pins, bool) {
	r := &http.Request{Host: "portal.example", Header: http.Header{"User-Agent": {"a"}, "Accept": {"*/*"}}}
	change(r.Header)
	return h.Take(r, "192.0.2.1")
}

// TestTake_Pins: what is constant in one browser is in the pins, and every value of it
// counts; what varies from request to request is not.
func TestTake_Pins(t *testing.T) {
	h := NewHeaders([]string{"X-Device"})
	plain, credentials := take(h, func(http.Header) {})
	if credentials {
		t.Error("an ordinary request has credentials")
	}
	for name, credential := range map[string]bool{
		"User-Agent": false, "Accept-Language": false, "Accept-Encoding": false, "Sec-Ch-Ua": false, "Sec-Ch-Ua-Platform": false,
		"Sec-Ch-Ua-Mobile": false, "Sec-Ch-Ua-Model": false, "X-Real-Ip": false, "X-Forwarded-For": false, "Forwarded": false,
		"X-Device": true, "X-Unknown": true,
	} {
		key, got := take(h, func(h http.Header) { h[name] = []string{"value"} })
		twice, _ := take(h, func(h http.Header) { h[name] = []string{"value", "2"} })
		if key == plain || twice == key || twice == plain || got != credential {
			t.Errorf("%s: in the pins %v, twice %v, credential %v", name, key != plain, twice != key, got)
		}
	}
	for name, value := range map[string]string{
		"Accept": "x", "Range": "bytes=0-", "Cache-Control": "no-cache", "X-Requested-With": "x", "Sec-Fetch-Site": "none", "X-Api-Key": "stripped",
		"Referer": "https://portal.example/a", "Origin": "https://portal.example", "Accept-Charset": "utf-8", "X-Request-Id": "1", "Traceparent": "1",
	} {
		if key, got := take(h, func(h http.Header) { h[name] = []string{value} }); key != plain || got {
			t.Errorf("%s is in the pins: %+v, credential %v", name, key, got)
		}
	}
	elsewhere, _ := h.Take(&http.Request{Host: "portal.example", Header: http.Header{"User-Agent": {"a"}}}, "192.0.2.2")
	if elsewhere == plain {
		t.Error("the client's address is not in the pins")
	}
	one, _ := take(h, func(h http.Header) { h["X-A"], h["X-B"] = []string{"1"}, []string{"2"} })
	two, _ := take(h, func(h http.Header) { h["X-A"] = []string{"1X-B2"} })
	if one == two {
		t.Error("one header poses as two")
	}
}

// TestTake_Strips: credentials that the site does not declare don't reach the portal.
func TestTake_Strips(t *testing.T) {
	for _, name := range strippedHeaders {
		header := http.Header{name: {"x"}}
		if _, credentials := NewHeaders(nil).Take(&http.Request{Header: header}, ""); len(header) > 0 || credentials {
			t.Errorf("%s: left %v, credential %v", name, header, credentials)
		}
		header = http.Header{name: {"x"}}
		if _, credentials := NewHeaders([]string{name}).Take(&http.Request{Header: header}, ""); len(header) != 1 || !credentials {
			t.Errorf("%s, declared: left %v, credential %v", name, header, credentials)
		}
	}
}

// TestTake_ShortPins: pins are kept, so they are short whatever a stranger sends, and still
// tell different headers apart.
func TestTake_ShortPins(t *testing.T) {
	long := strings.Repeat("x", 1<<19)
	h := NewHeaders(nil)
	seen := make(map[Pins]string)
	for _, name := range []string{"User-Agent", "Accept-Language", "Accept-Encoding", "Sec-Ch-Ua", "Sec-Ch-Ua-Platform", "X-Real-Ip", "Forwarded", "X-Unknown"} {
		for _, value := range []string{long, long + "y"} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set(name, value)
			pins, _ := h.Take(r, "192.0.2.1")
			if other, ok := seen[pins]; ok {
				t.Errorf("%s has the pins of %s", name, other)
			}
			seen[pins] = name
			for v, i := reflect.ValueOf(pins), 0; i < v.NumField(); i++ {
				if f := v.Field(i); f.Kind() == reflect.String && f.Len() > maxPart {
					t.Errorf("%s: %d bytes are kept", name, f.Len())
				}
			}
		}
	}
}

// TestTake_Sites: sites that share a visit don't share answers.
func TestTake_Sites(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	a, _ := NewHeaders(nil).Take(r, "")
	b, _ := NewHeaders(nil).Take(r, "")
	if a == b {
		t.Error("two sites have the same pins")
	}
}

// TestQuestion_LeavesTheRequestAlone: making a question does not change the request.
func TestQuestion_LeavesTheRequestAlone(t *testing.T) {
	header := http.Header{
		"Cookie": {"a"}, "Range": {"b"}, "Upgrade": {"c"}, "Content-Type": {"application/json"}, "If-None-Match": {"e"}, "User-Agent": {"f"},
		"X-Unknown": {"g"}, "Sec-Websocket-Key": {"h"}, "X-Request-Id": {"i"}, "Accept-Encoding": {"br"},
	}
	q := NewHeaders(nil).Question(header)
	q.Set("Accept", "changed")
	if len(header) != 10 || len(q) != 5 || q.Get("User-Agent") != "f" || q.Get("X-Unknown") != "g" || q.Get("Accept-Encoding") != "br" {
		t.Errorf("%v of %v", q, header)
	}
	if again := NewHeaders(nil).Question(header); again.Get("Accept") == "changed" || again.Get("Cache-Control") == "" {
		t.Errorf("a question's headers are shared: %v", again)
	}
}

// TestVarying: what a question copies and is no pin is told apart; free cookies too.
func TestVarying(t *testing.T) {
	h := NewHeaders(nil)
	base := h.Varying(http.Header{"User-Agent": {"a"}, "Accept": {"*/*"}, "X-Request-Id": {"1"}}, View{})
	if base != (Varying{}) {
		t.Error("ordinary headers vary")
	}
	seen := map[Varying]string{base: "none"}
	for name, header := range map[string]http.Header{
		"referer": {"Referer": {"https://h/a"}}, "another referer": {"Referer": {"https://h/b"}}, "two referers": {"Referer": {"https://h/a", "https://h/b"}},
		"charset": {"Accept-Charset": {"https://h/a"}}, "unusual accept": {"Accept": {"x/y"}}, "two accepts": {"Accept": {"*/*", "*/*"}},
		"charset and referer": {"Accept-Charset": {"https://h/a"}, "Referer": {"https://h/a"}},
	} {
		v := h.Varying(header, View{})
		if other, known := seen[v]; known {
			t.Errorf("%s has the values of %s", name, other)
		}
		seen[v] = name
	}
	for _, free := range []string{"_ga=1", "_ga=2"} {
		v := h.Varying(http.Header{}, View{Public: free})
		if other, known := seen[v]; known {
			t.Errorf("free cookie %s has the values of %s", free, other)
		}
		seen[v] = free
	}
}
