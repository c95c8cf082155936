package console

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// Goal: a person signs in with the token of the link, sees the cluster, and writes,
// changes, reverts and moves a key.
func TestKeys(t *testing.T) {
	b := openTab(t)
	n := startNode(t, "alpha", nil, "rate_limiting_enabled: false")
	n.do(http.MethodPut, "/kv/rooms/kitchen", `{"celsius":21.50,"serial":12345678901234567890}`)
	n.do(http.MethodPut, "/kv/users/john", `{"name":"John","age":30}`)
	b.open(n)
	b.says("h1", "Cluster")
	b.says(".panel h2", "alpha")
	b.shot("cluster-one")
	b.press("gk")
	b.says(".virtual", "rooms/")
	b.click(".virtual-row", "users/")
	b.click(".virtual-row", "john")
	b.wait("the value is shown", `document.querySelector('.editor').value.includes('"age": 30')`)
	b.shot("keys")
	b.typeInto(".editor", `{"name":"John","age":31}`)
	b.click("button", "Save")
	b.says(".diff .added", `"age": 31`)
	b.shot("keys-save")
	b.click("dialog button", "Save")
	b.wait("it is stored", `document.querySelector('.editor')?.value.includes('31') && !document.querySelector('dialog')`)
	if got := n.do(http.MethodGet, "/kv/users/john?raw", ""); got != `{"name":"John","age":31}` {
		t.Errorf("stored is %s", got)
	}
	b.click("[data-tab]", "History")
	b.says(".revisions", "replaced")
	b.click(".revisions tr", "replaced")
	b.shot("keys-history")
	b.click("button", "Revert to this")
	b.click("dialog button", "Revert")
	b.wait("it is reverted", `!document.querySelector('dialog')`)
	if got := n.do(http.MethodGet, "/kv/users/john?raw", ""); got != `{"name":"John","age":30}` {
		t.Errorf("reverted to %s", got)
	}
	b.click("[data-tab]", "Rights")
	b.says(".rights", "Owner")
	b.shot("keys-rights")
	b.click("[aria-label='Others may read']", "")
	b.says(".rights code", "kvs chmod cdwr,c---,c--r users/john")
	b.click("button", "Set rights")
	b.says(".rights", "These rights are set at this key")
	if got := n.do(http.MethodGet, "/acl/users/john", ""); !strings.Contains(got, `"mode":"cdwr,c---,c--r"`) || !strings.Contains(got, `"inherited":false`) {
		t.Errorf("the rights are %s", got)
	}
	b.click("[data-tab]", "Why")
	b.says(".candidates", "this version stands")
	b.wantNoFaults()
}

// open loads the console of a node with its token, as a link has it.
func (b *tab) open(n *node) {
	b.t.Helper()
	b.load(n.url("/console/#token=" + n.token))
	b.wait("the token left the address", `!location.href.includes('token') && document.querySelector('h1')`)
}

// Goal: a hundred thousand keys are listed, searched and scrolled to the end, with no
// more rows on the page than are in sight.
func TestManyKeys(t *testing.T) {
	const keys, inBatch = 100_000, 1000
	b := openTab(t)
	n := startNode(t, "alpha", nil, "auth_enabled: false", "rate_limiting_enabled: false", "tamper_logging_enabled: false")
	for i := 0; i < keys; i += inBatch {
		var ops []string
		for j := range inBatch {
			ops = append(ops, fmt.Sprintf(`{"op":"put","key":"sensors/%06d","data":%d}`, i+j, i+j))
		}
		n.do(http.MethodPost, "/kv/_batch", "["+strings.Join(ops, ",")+"]")
	}
	b.open(n)
	b.press("gk")
	b.click("button", "Flat")
	b.says(".lead", "100,000 keys")
	b.shot("keys-many")
	b.wait("the last key is in sight", `(() => { const v = document.querySelector('.virtual'); v.scrollTop = v.scrollHeight;
		return document.querySelector('.virtual').textContent.includes('sensors/099999'); })()`)
	if rows := on[float64](b, `document.querySelectorAll('.virtual-row').length`); rows > 200 {
		t.Errorf("%v rows are on the page", rows)
	}
	b.shot("keys-many-end")
	if text := on[string](b, `document.body.textContent`); strings.Contains(text, "undefined") {
		t.Error("the list shows an error")
	}
	b.click("button", "Contains")
	b.typeInto("[type=search]", "99")
	b.says(".lead", "of 100,000 keys")
	b.press(kb.Escape)
	b.wait("the search stays", `document.querySelector('[type=search]').value === '99' && document.activeElement === document.body`)
	b.wantNoFaults()
}
