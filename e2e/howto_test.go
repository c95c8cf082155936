package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestHowTo follows each page of docs/howto as it stands, in a shell, beside the cluster that
// the first page makes: every command succeeds, and prints what the page shows if it shows
// anything. Only the ports differ.
func TestHowTo(t *testing.T) {
	inShell(t)
	pages, err := filepath.Glob("../docs/howto/*.md")
	if err != nil || len(pages) < 7 {
		t.Fatal(pages, err)
	}
	for _, page := range pages {
		if name := filepath.Base(page); name != "README.md" {
			t.Run(strings.TrimSuffix(name, ".md"), func(t *testing.T) {
				follow(t, append(transcript(t, "../docs/howto/README.md"), transcript(t, page)...))
			})
		}
	}
}

// TestHowToNamesEveryAlert: nobody is woken by an alert that the page does not know.
func TestHowToNamesEveryAlert(t *testing.T) {
	rules, err := os.ReadFile("../contrib/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/howto/read-an-alert.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts := regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(string(rules), -1)
	if len(alerts) < 15 {
		t.Fatalf("found %d alerts", len(alerts))
	}
	for _, a := range alerts {
		if !strings.Contains(string(page), "`"+a[1]+"`") {
			t.Errorf("the page does not name %s", a[1])
		}
	}
}
