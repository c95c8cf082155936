package metrics

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

var metricName = regexp.MustCompile(`\bkvs_[a-z0-9_]+`)

// wantKnown checks that each metric of an expression is in the catalogue, with the
// suffix of its type if that has one, and returns how many there are.
func wantKnown(t *testing.T, where, expr string) (found int) {
	t.Helper()
	kinds := map[string]Kind{}
	for _, m := range Catalogue() {
		kinds[m.Name] = m.Kind
	}
	for _, name := range metricName.FindAllString(expr, -1) {
		found++
		base, bucket := strings.CutSuffix(name, "_bucket")
		if kind, ok := kinds[base]; !ok || bucket != (kind == Histogram) {
			t.Errorf("%s: %s is no series of this node: %s", where, name, expr)
		}
	}
	return found
}

// Goal: every metric that an alert asks for exists, and every alert says how bad it is,
// what it is, and what to do.
func TestAlertsAskForWhatExists(t *testing.T) {
	text, err := os.ReadFile("../../contrib/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr         string
				For                 string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			found += wantKnown(t, r.Alert, r.Expr)
			if s := r.Labels["severity"]; s != "page" && s != "ticket" {
				t.Errorf("%s: severity %q", r.Alert, s)
			}
			if r.Annotations["summary"] == "" || r.Annotations["action"] == "" {
				t.Errorf("%s says not what to do", r.Alert)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d metrics are watched", found)
	}
}

// Goal: the dashboard is valid JSON, and every panel shows metrics that exist.
func TestDashboardShowsWhatExists(t *testing.T) {
	text, err := os.ReadFile("../../contrib/grafana/kvs.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title      string
		Templating struct {
			List []struct{ Name, Query string }
		}
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ RefID, Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	ids := map[int]bool{}
	for _, p := range board.Panels {
		found := 0
		for _, q := range p.Targets {
			found += wantKnown(t, p.Title, q.Expr)
		}
		if found == 0 || ids[p.ID] {
			t.Errorf("panel %d %q shows nothing, or its id is taken", p.ID, p.Title)
		}
		ids[p.ID] = true
	}
	for _, v := range board.Templating.List {
		wantKnown(t, v.Name, v.Query)
	}
	if len(ids) < 10 {
		t.Errorf("only %d panels", len(ids))
	}
}
