package portal

import "testing"

func TestCookiePolicy_Class(t *testing.T) {
	policy := NewCookiePolicy([]string{"theme_*", "lang", "tok?n"})
	for name, want := range map[string]Class{
		"PHPSESSID": Sealed, "XSRF-TOKEN": Public, "_ga": Public, "_ga_ABC": Public, "theme": Public, "xsrf-token": Sealed, "XSRF-TOKEN2": Sealed,
		"theme_dark": Passthrough, "lang": Passthrough, "token": Passthrough, "tokken": Sealed, "my_theme_x": Sealed,
		"sg": Reserved, "SG": Reserved, "sg-abc": Reserved, "__Host-sg": Reserved, "__HOST-SG-x": Reserved, "secondgate-return": Reserved, "__Host-secondgate-codes": Reserved,
		"sgx": Sealed, "secondgate": Sealed,
	} {
		if got := policy.Class(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if NewCookiePolicy([]string{"*"}).Class("sg") != Reserved {
		t.Error("a reserved name can become passthrough")
	}
}
