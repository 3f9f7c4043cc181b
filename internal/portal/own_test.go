package portal

import "testing"

// TestH3_Repeats: a field is the request's own only if all of its cookies of that name
// have the value, and at least one.
func TestH3_Repeats(t *testing.T) {
	j := jarOf("csrf=a%3D1; Path=/", "sid=root; Path=/", "sid=admin; Path=/admin", "app.sess=x; Path=/", "left_token=l; Path=/", "XSRF-TOKEN=f")
	j = j.Apply([]Change{TokenChange("bearer", now)})
	for _, tt := range []struct {
		path, name, value string
		want              bool
	}{
		{"/", "csrf", "a%3D1", true}, {"/", "csrf", "a=1", true}, {"/", "CSRF", "a=1", true}, {"/", "csrf", "a=2", false}, {"/", "csrf", "", false}, {"/", "csrf", "\x00", false},
		{"/", "sid", "root", true}, {"/", "sid", "admin", false}, {"/admin", "sid", "root", false}, {"/admin", "sid", "admin", false},
		{"/", "app_sess", "x", true}, {"/", "app[sess", "x", true}, {"/", "left_token", "l", true}, {"/", "XSRF-TOKEN", "f", true},
		{"/", "other", "x", false}, {"/", "", "", false}, {"/", tokenName, "bearer", false},
	} {
		if got := j.Repeats(tt.path, tt.name, tt.value); got != tt.want {
			t.Errorf("%s=%s at %s: %v", tt.name, tt.value, tt.path, got)
		}
	}
}
