package route

import "testing"

func TestHasParameter(t *testing.T) {
	names := []string{"u", "user.name"}
	for query, want := range map[string]bool{
		"": false, "id=start": false, "u=alice": true, "id=1&U=alice": true, "%75=alice": true, "id=1;u=x": true,
		"u[]=alice": true, "user_name=x": true, "user.name=x": true, "user%20name=x": true, "+u=x": true, "u%00x=1": true,
		"xu=1": false, "a=u": false,
	} {
		if got := HasParameter(query, names); got != want {
			t.Errorf("HasParameter(%q) = %v, want %v", query, got, want)
		}
	}
}

func TestPlainQuery(t *testing.T) {
	for query, want := range map[string]string{
		"": "", "a=1": "a=1", "a=1&b=2": "a=1&b=2", "a;b=2": "a=&b=2", "a=%zz&b=%41": "a=%25zz&b=A", "&&a": "a=",
		"+a=x+y": "a=x+y", "%20a.b=1": "a_b=1", "a[]=1": "a=1", "a%5Bx%5D=1": "a=1", "a%00b=1": "a=1", "A=B": "A=B&a=B", "a=%3B%26": "a=%3B%26",
	} {
		if got := PlainQuery(query); got != want {
			t.Errorf("%q reads as %q, want %q", query, got, want)
		}
	}
}

func TestHasParameter_NoAllocations(t *testing.T) {
	names := []string{"token", "key"}
	if n := testing.AllocsPerRun(100, func() { HasParameter("page=2&sort=name&q=a%20b", names) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
