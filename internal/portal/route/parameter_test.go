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
