//go:build crash

package operations

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var docs = filepath.Join("..", "..", "..", "docs")

// TestAlerts: Prometheus reads the rules, each fires where it should, and none does
// while all is well.
func TestAlerts(t *testing.T) {
	promtool := installed(t, "promtool")
	for _, args := range [][]string{{"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml"}, {"test", "rules", "alerts_slow_test.yml"}} {
		cmd := exec.Command(promtool, args...)
		cmd.Dir = filepath.Join(docs, "prometheus")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	rules, err := os.ReadFile(filepath.Join(docs, "prometheus", "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile(filepath.Join(docs, "prometheus", "alerts_test.yml"))
	if err != nil {
		t.Fatal(err)
	}
	slow, err := os.ReadFile(filepath.Join(docs, "prometheus", "alerts_slow_test.yml"))
	if err != nil {
		t.Fatal(err)
	}
	tests = append(tests, slow...)
	page, err := os.ReadFile(filepath.Join(docs, "monitoring.md"))
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(string(rules), -1)
	if len(names) == 0 {
		t.Fatal("there are no alerts")
	}
	for _, m := range names {
		if !strings.Contains(string(tests), `alertname="`+m[1]+`"`) {
			t.Errorf("%s is never seen to fire", m[1])
		}
		if !strings.Contains(string(page), "`"+m[1]+"`") {
			t.Errorf("monitoring.md does not explain %s", m[1])
		}
	}
}

// dashboard is as much of Grafana's format as is looked at.
type dashboard struct {
	Title, UID string
	Panels     []struct {
		ID                int
		Type, Title, Unit string
		GridPos           struct{ H, W, X, Y int }
		Targets           []struct{ Expr, LegendFormat string }
	}
	Templating struct {
		List []struct{ Name, Definition string }
	}
}

// TestDashboard: it is JSON, its panels do not overlap, and Prometheus parses every query. Another
// test checks that the metrics exist.
func TestDashboard(t *testing.T) {
	promtool := installed(t, "promtool")
	raw, err := os.ReadFile(filepath.Join(docs, "grafana", "secondgate.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	if d.Title != "Secondgate" || d.UID == "" || len(d.Panels) < 15 || len(d.Templating.List) != 3 {
		t.Errorf("not the dashboard: %q, %d panels, %d variables", d.Title, len(d.Panels), len(d.Templating.List))
	}
	var rules strings.Builder
	rules.WriteString("groups:\n  - name: dashboard\n    rules:\n")
	taken, ids, queries := make(map[[2]int]string), make(map[int]bool), 0
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("%s: id %d is given twice", p.Title, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s lies over %s at %d, %d", p.Title, other, x, y)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			expr := strings.NewReplacer("$__rate_interval", "5m", "$realm", ".*", "$instance", ".*").Replace(target.Expr)
			if strings.Contains(expr, "$") || !strings.Contains(expr, "caddy_two_factor_") {
				t.Errorf("%s: %s", p.Title, target.Expr)
			}
			fmt.Fprintf(&rules, "      - record: panel:query:%d\n        expr: %q\n", queries, expr)
			queries++
		}
	}
	file := filepath.Join(t.TempDir(), "queries.yml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(promtool, "check", "rules", file).CombinedOutput(); err != nil || !strings.Contains(string(out), fmt.Sprint(queries, " rules found")) {
		t.Errorf("promtool: %v\n%s\n%s", err, out, rules.String())
	}
}
