package portal

import "testing"

func TestLeave_Class(t *testing.T) {
	l := NewLeave([]string{"theme_*", "lang", "tok?n"})
	for name, want := range map[string]Class{
		"PHPSESSID": Sealed, "XSRF-TOKEN": Free, "_ga": Free, "_ga_ABC": Free, "theme": Free, "xsrf-token": Sealed, "XSRF-TOKEN2": Sealed,
		"theme_dark": Left, "lang": Left, "token": Left, "tokken": Sealed, "my_theme_x": Sealed,
		"sg": Own, "SG": Own, "sg-abc": Own, "__Host-sg": Own, "__HOST-SG-x": Own, "secondgate-return": Own, "__Host-secondgate-codes": Own,
		"sgx": Sealed, "secondgate": Sealed,
	} {
		if got := l.Class(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if NewLeave([]string{"*"}).Class("sg") != Own {
		t.Error("an own name can be left")
	}
}
