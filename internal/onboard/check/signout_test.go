package check

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

// TestCommon: the fields that a script sends with a sign-out are those that all forms of the page
// send.
func TestCommon(t *testing.T) {
	for body, want := range map[string]string{
		`<form method=post action=/a><input type=hidden name=token value=t><input type=hidden name=json value=""><input name=q value=v></form>
			<form method=get><input type=hidden name=db value=x></form>
			<form method=post action=/b><input type=hidden name=token value=t><input type=hidden name=save value=1></form>`: "token=t ",
		`<form method=post><input type=hidden name=token value=t></form><form method=post><input type=hidden name=token value=u></form>`: "",
		`<form method=post><input name=q value=v></form>`: "",
		`<p>no form</p>`: "",
	} {
		p := &browse.Page{URL: &url.URL{Scheme: "http", Host: "portal.test", Path: "/"}, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte(body)}
		got := ""
		if f := common(p); f != nil {
			for _, x := range f.Fields {
				got += x.Name + "=" + x.Value + " "
			}
		}
		if got != want {
			t.Errorf("%s\nhas in common %q, want %q", body, got, want)
		}
	}
}
