package console

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// Goal: what the console saves as files is what the node has: an export has all keys, and
// a backup is the file that the node keeps.
func TestDownloads(t *testing.T) {
	b, dir := openTab(t), t.TempDir()
	n := startNode(t, "alpha", nil, "rate_limiting_enabled: false")
	var ops []string
	for i := range 1000 {
		ops = append(ops, fmt.Sprintf(`{"op":"put","key":"sensors/%04d","data":{"serial":12345678901234567890}}`, i))
	}
	n.do(http.MethodPost, "/kv/_batch", "["+strings.Join(ops, ",")+"]")
	n.do(http.MethodPut, "/kv/users/john", `1`)
	b.open(n)
	_, err := chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.press("gk")
	b.click("button", "Export")
	b.says("dialog code", "kvs export")
	b.click("dialog [type=submit]", "Save as a file")
	b.says(".toast", "1,001 keys exported")
	exported := saved(t, dir, "keys.jsonl")
	if lines := bytes.Count(exported, []byte("\n")); lines != 1001 || !bytes.Contains(exported, []byte(`{"serial":12345678901234567890}`)) {
		t.Errorf("the export has %d lines: %.200s", lines, exported)
	}
	b.press("go")
	b.click("button", "Make one")
	b.click("dialog button", "Begin")
	b.click("button", "Download")
	id := between(n.do(http.MethodGet, "/admin/backups", ""), `"id":"`, `"`)
	if got := saved(t, dir, id+".kvsbak"); string(got) != n.do(http.MethodGet, "/admin/backups/"+id+"/download", "") {
		t.Errorf("the file has %d bytes and is another than the node's", len(got))
	}
	b.wantNoFaults()
}

// saved is a file once the browser has it whole.
func saved(t *testing.T, dir, name string) (content []byte) {
	t.Helper()
	until(t, name+" is saved", func() bool {
		text, err := os.ReadFile(filepath.Join(dir, name))
		content = text
		return err == nil
	})
	return content
}
