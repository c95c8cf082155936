package server

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// example is one request of a page of documentation, and the answer that it promises.
type example struct {
	method, target string
	headers        [][2]string
	body           string
	answer         string // status and body; … stands for anything
	promised       [][2]string
}

// examples reads the blocks of http of a page.
func examples(t *testing.T, path string) (out []example) {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range strings.Split(string(page), "```http\n") {
		if i == 0 {
			continue
		}
		block, _, _ = strings.Cut(block, "```")
		for text := range strings.SplitSeq(strings.TrimSpace(block), "\n\n") {
			out = append(out, parseExample(t, text))
		}
	}
	return out
}

func parseExample(t *testing.T, text string) (e example) {
	t.Helper()
	header := regexp.MustCompile(`^([A-Z][A-Za-z-]+): (.+)$`)
	asked := true
	for i, line := range strings.Split(text, "\n") {
		said, answers := strings.CutPrefix(line, "→ ")
		found := header.FindStringSubmatch(said)
		switch {
		case i == 0:
			e.method, e.target, _ = strings.Cut(line, " ")
		case answers && found == nil:
			e.answer, asked = said, false
		case answers:
			e.promised = append(e.promised, [2]string{found[1], found[2]})
		case asked && found != nil:
			e.headers = append(e.headers, [2]string{found[1], found[2]})
		case asked:
			e.body += line + "\n"
		default:
			e.answer += "\n" + line
		}
	}
	if e.answer == "" {
		t.Fatalf("an example without an answer: %s", text)
	}
	return e
}

// like says that a text is as promised.
func like(promise, text string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(promise), "…", `[^\n]*`)
	return regexp.MustCompile(`\A` + pattern + `\s*\z`).MatchString(text)
}

// Goal: the examples of docs/data.md are true, each and in their order.
func TestExamplesOfTheDataAPI(t *testing.T) {
	s := startNode(t, "a")
	all := examples(t, "../../docs/data.md")
	if len(all) < 20 {
		t.Fatalf("%d examples", len(all))
	}
	for _, e := range all {
		req, err := http.NewRequestWithContext(t.Context(), e.method, "http://"+s.Address()+e.target, strings.NewReader(strings.TrimSpace(e.body)))
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range e.headers {
			req.Header.Set(h[0], h[1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		answer := strings.TrimSpace(resp.Status[:3] + " " + string(body))
		if err != nil || !like(e.answer, answer) {
			t.Errorf("%s %s: %s\npromised %s", e.method, e.target, answer, e.answer)
		}
		for _, h := range e.promised {
			if got := resp.Header.Get(h[0]); !like(h[1], got) {
				t.Errorf("%s %s: %s: %q, promised %q", e.method, e.target, h[0], got, h[1])
			}
		}
	}
}
