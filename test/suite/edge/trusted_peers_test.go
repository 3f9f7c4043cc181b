package edge

import (
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_TrustedPeers: behind a trusted proxy remote_ip is the proxy's address for every
// client. If all peers are trusted, every client chooses its client_ip.
func TestAttack_TrustedPeers(t *testing.T) {
	const proxies, believed = "trusted_proxies static private_ranges", "trusted_proxies contains all addresses"
	h := harness.StartSite(t, &harness.Legacy{}, trusting("")+"reverse_proxy PORTAL")
	for name, tt := range map[string]struct{ servers, matcher, want, warning string }{
		"remote_ip":     {proxies, "remote_ip private_ranges", "use client_ip", ""},
		"one of them":   {proxies, "remote_ip 10.1.2.3", "trust: remote_ip 10.1.2.3", ""},
		"client_ip":     {proxies, "client_ip private_ranges", "", ""},
		"others":        {proxies, "remote_ip 192.0.2.0/24", "", ""},
		"no proxies":    {"strict_sni_host on", "remote_ip private_ranges", "", ""},
		"all are peers": {"trusted_proxies static 0.0.0.0/0 ::/0", "client_ip 192.0.2.0/24", "", believed},
	} {
		t.Run(name, func(t *testing.T) {
			before := strings.Count(h.LogText(), believed)
			err := h.TryWhole("{\n" + harness.GlobalLines + "servers {\n" + tt.servers + "\n}\ntwo_factor {\nstorage memory DIR\n}\n}\nhttp://127.0.0.1:PORT {\nbind 127.0.0.1\n@office " + tt.matcher + "\n" + trusting("trust @office") + "reverse_proxy 127.0.0.1:1\n}\n")
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("loading says %v, want %q", err, tt.want)
			}
			if warned := strings.Count(h.LogText(), believed) > before; warned != (tt.warning != "") {
				t.Errorf("warned of all peers: %v", warned)
			}
		})
	}
}
