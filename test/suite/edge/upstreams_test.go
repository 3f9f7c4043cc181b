package edge

import (
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

const spreading = "keep a visitor at one upstream"

// TestI9_WarnsOfUpstreamsWithoutStickiness: one warning for each proxy behind a gate
// that may send a question to another upstream than the request.
func TestI9_WarnsOfUpstreamsWithoutStickiness(t *testing.T) {
	const two = "reverse_proxy 127.0.0.1:1 127.0.0.1:2"
	with := func(policy string) string { return gate + two + " {\n lb_policy " + policy + "\n}\n" }
	for name, tt := range map[string]struct {
		site     string
		warnings int
	}{
		"default":              {gate + two, 1},
		"random":               {with("random"), 1},
		"round_robin":          {with("round_robin"), 1},
		"weighted_round_robin": {with("weighted_round_robin 1 2"), 1},
		"least_conn":           {with("least_conn"), 1},
		"random_choose":        {with("random_choose 2"), 1},
		"uri_hash":             {with("uri_hash"), 1},
		"query":                {with("query id"), 1},
		"dynamic":              {gate + "reverse_proxy {\n dynamic a localhost 80\n}", 1},
		"php_fastcgi":          {gate + "php_fastcgi 127.0.0.1:1 127.0.0.1:2", 1},
		"two proxies":          {gate + "handle /a* {\n" + two + "\n}\nhandle {\n" + two + "\n}", 2},
		"within route":         {"route {\n" + gate + two + "\n}", 1},
		"named route":          {"", 1}, // see below
		"cookie":               {with("cookie"), 0},
		"ip_hash":              {with("ip_hash"), 0},
		"client_ip_hash":       {with("client_ip_hash"), 0},
		"header":               {with("header Cookie"), 1},
		"header Host":          {with("header Host"), 0},
		"passive checks":       {with("first\nfail_duration 2s"), 1},
		"request count":        {with("cookie\nunhealthy_request_count 9"), 1},
		"active checks":        {with("first\nhealth_uri /up"), 0},
		"first":                {with("first"), 0},
		"one upstream":         {gate + "reverse_proxy 127.0.0.1:1", 0},
		"before the gate":      {"route {\n" + two + "\n" + gate + "respond ok\n}", 0},
		"beside the gate":      {"handle /app* {\n" + gate + "respond ok\n}\nhandle {\n" + two + "\n}", 0},
		"no whoami":            {"two_factor {\n user {http.request.tls.client.subject}\n}\n" + two, 0},
	} {
		site := "http://127.0.0.1:PORT {\nbind 127.0.0.1\n" + tt.site + "\n}\nhttp://other.example:PORT {\nbind 127.0.0.1\n" + two + "\n}\n"
		if name == "named route" {
			site = "&(app) {\nroute {\n" + gate + two + "\n}\n}\nhttp://127.0.0.1:PORT {\nbind 127.0.0.1\ninvoke app\n}\n"
		}
		t.Run(name, func(t *testing.T) {
			h := harness.StartWhole(t, nil, "{\n"+harness.GlobalLines+"\ttwo_factor {\n\tstorage memory DIR\n}\n}\n"+site)
			if got := strings.Count(h.LogText(), spreading); got != tt.warnings {
				t.Errorf("%d warnings, want %d", got, tt.warnings)
			}
		})
	}
}
