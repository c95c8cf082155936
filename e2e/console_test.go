package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// Goal: the link that the demo prints leads to the console, with a token that is good; the
// page needs none, and its files are those of its build.
func TestDemoLinksToTheConsole(t *testing.T) {
	p, nodes, _ := startDemo(t)
	link := regexp.MustCompile(`Console  http://(\S+)/console/#token=(\S+)`).FindStringSubmatch(p.stdout.String())
	if link == nil || link[1] != nodes[0].address() {
		t.Fatalf("the demo prints no link to the console of %s: %q", nodes[0].address(), link)
	}
	if a, err := requestAs(link[2], http.MethodGet, nodes[0].url("/auth/whoami"), nil); err != nil || a.status != http.StatusOK {
		t.Errorf("its token: %s %v", a, err)
	}
	page, err := requestAs("", http.MethodGet, nodes[1].url("/console/"), nil)
	if err != nil || page.status != http.StatusOK {
		t.Fatalf("the page: %s %v", page, err)
	}
	module := regexp.MustCompile(`src="(/console/[0-9a-f]{16}/app\.js)"`).FindSubmatch(page.body)
	if module == nil {
		t.Fatalf("the page has no module: %.500s", page.body)
	}
	if a, err := requestAs("", http.MethodGet, nodes[2].url(string(module[1])), nil); err != nil || a.status != http.StatusOK || !strings.Contains(string(a.body), "import") {
		t.Errorf("its module: %s %v", a, err)
	}
}
