package console

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// openKey shows a key by its address, and waits for its value.
func (b *tab) openKey(n *node, key, value string) {
	b.t.Helper()
	b.load(n.url("/console/#/keys/" + key))
	b.wait(key+" has "+value, `(document.querySelector('.editor')?.value ?? '').includes(`+"`"+value+"`)")
}

// Goal: what somebody else writes while a value is edited is shown, not written over
// unseen.
func TestEditMeetsAnotherWrite(t *testing.T) {
	b := openTab(t)
	n := startNode(t, "alpha", nil, "rate_limiting_enabled: false")
	n.do(http.MethodPut, "/kv/users/john", `{"age":30}`)
	b.open(n)
	b.openKey(n, "users/john", `"age": 30`)
	b.typeInto(".editor", `{"age": 31, }`)
	b.says(".editor-note", "Line 1, column")
	b.wait("it cannot be saved", `[...document.querySelectorAll('.editor-foot button')].find((e) => e.textContent === 'Save').disabled`)
	b.typeInto(".editor", `{"age": 31}`)
	n.do(http.MethodPut, "/kv/users/john", `{"age":40,"by":"mary"}`)
	b.click(".editor-foot button", "Save")
	b.click("dialog button", "Save")
	b.says("dialog .notice", "Somebody else has written this key meanwhile")
	b.says(".diff .removed", `"by": "mary"`)
	b.shot("keys-raced")
	if got := n.do(http.MethodGet, "/kv/users/john?raw", ""); !strings.Contains(got, "mary") {
		t.Errorf("it was written over unseen: %s", got)
	}
	b.click("dialog button", "Save")
	b.wait("it is stored", `!document.querySelector('dialog')`)
	if got := n.do(http.MethodGet, "/kv/users/john?raw", ""); got != `{"age":31}` {
		t.Errorf("stored is %s", got)
	}
	b.wantNoFaults()
}

// Goal: numbers that a browser cannot hold, and members of the same name, survive an edit
// beside them; an expiry stays unless it is changed; a large value is read on demand.
func TestEditKeepsTheRest(t *testing.T) {
	b := openTab(t)
	n := startNode(t, "alpha", nil, "rate_limiting_enabled: false")
	n.do(http.MethodPut, "/kv/k?ttl=1h", `{"serial":12345678901234567890,"price":1.50,"x":1,"x":2,"n":3}`)
	n.do(http.MethodPut, "/kv/large", `"`+strings.Repeat("x", 100<<10)+`"`)
	b.open(n)
	b.openKey(n, "k", "12345678901234567890")
	text := on[string](b, `document.querySelector('.editor').value`)
	b.typeInto(".editor", strings.Replace(text, `"n": 3`, `"n": 4`, 1))
	b.click(".editor-foot button", "Save")
	b.click("dialog button", "Save")
	b.wait("it is stored", `!document.querySelector('dialog')`)
	record := n.do(http.MethodGet, "/kv/k", "")
	if !strings.Contains(record, `{"serial":12345678901234567890,"price":1.50,"x":1,"x":2,"n":4}`) || !strings.Contains(record, "expires_at") {
		t.Errorf("stored is %s", record)
	}
	b.says(".record-meta", "ends in 59 min")
	b.typeInto(".editor-ttl select", "never")
	b.click(".editor-foot button", "Save")
	b.click("dialog button", "Set")
	b.wait("it is set", `!document.querySelector('dialog')`)
	if record := n.do(http.MethodGet, "/kv/k", ""); strings.Contains(record, "expires_at") {
		t.Errorf("it still ends: %s", record)
	}
	b.typeInto(".editor-ttl select", "after")
	b.typeInto(".editor-ttl input", "2h")
	b.click(".editor-foot button", "Save")
	b.says("dialog code", "kvs touch k --ttl 2h")
	b.click("dialog button", "Set")
	b.says(".record-meta", "ends in 1 h 59 min")
	b.load(n.url("/console/#/keys/large"))
	b.says(".record-body", "This value has 100 KiB")
	b.click("button", "Read it")
	b.wait("it is read", `document.querySelector('.editor')?.value.length === 100 * 1024 + 2`)
	b.wantNoFaults()
}

// Goal: keys are made, copied, moved, deleted and brought back, with the keyboard as with
// the mouse.
func TestKeysAsAWhole(t *testing.T) {
	b := openTab(t)
	n := startNode(t, "alpha", nil, "rate_limiting_enabled: false")
	n.do(http.MethodPut, "/kv/a/1", `1`)
	n.do(http.MethodPut, "/kv/a/2", `2`)
	n.do(http.MethodPut, "/kv/b c/ü", `"odd"`)
	b.open(n)
	b.press("gk")
	b.says(".virtual", "a/")
	on[bool](b, `document.querySelector('.virtual').focus() || true`)
	b.press("j" + kb.ArrowRight)
	b.says(".virtual", "2")
	b.press(kb.ArrowDown + kb.ArrowDown + kb.Enter)
	b.says(".record h2", "a/2")
	b.click(".record button", "Copy")
	b.typeInto("dialog input", "a/copy")
	b.click("dialog [type=submit]", "Copy")
	b.says(".record h2", "a/copy")
	b.click(".record button", "Move")
	b.typeInto("dialog input", "b c/moved")
	b.says("dialog code", "kvs mv a/copy 'b c/moved'")
	b.click("dialog [type=submit]", "Move")
	b.says(".record h2", "b c/moved")
	b.says(".virtual-row", "moved")
	b.wait("nothing is where it was", `![...document.querySelectorAll('.virtual-row')].some((e) => e.textContent === 'copy')`)
	b.click(".record button", "Delete")
	b.click("dialog [type=submit]", "Delete")
	b.says(".record-meta", "Deleted")
	b.click("[data-tab]", "History")
	b.click(".revisions tr", "delete")
	b.click(".revisions tbody tr:nth-child(2)", "")
	b.click("button", "Revert to this")
	b.click("dialog [type=submit]", "Revert")
	b.wait("it is back", `!document.querySelector('dialog')`)
	if got := n.do(http.MethodGet, "/kv/b%20c/moved?raw", ""); got != "2" {
		t.Errorf("brought back is %s", got)
	}
	b.openKey(n, "b%20c/%C3%BC", "odd")
	b.typeInto(".editor", `"a draft"`)
	b.click(".virtual-row", "moved")
	b.wait("the other key is shown", `document.querySelector('.editor')?.value === '2'`)
	b.click(".virtual-row", "ü")
	b.wait("the draft is still there", `document.querySelector('.editor')?.value === '"a draft"'`)
	b.click("button", "Discard")
	b.wait("the stored value is back", `document.querySelector('.editor').value === '"odd"'`)
	b.click("button", "New key")
	b.typeInto("dialog input", "b c/new")
	b.typeInto("dialog textarea", `{"made": true}`)
	b.click("dialog [type=submit]", "Create")
	b.says(".record h2", "b c/new")
	if got := n.do(http.MethodGet, "/kv/b%20c/new?raw", ""); got != `{"made":true}` {
		t.Errorf("made is %s", got)
	}
	b.click(".virtual-row", "a/")
	b.click(".list-dir button", "Count")
	b.says(".list-dir", "2 keys, 2 B")
	b.click(".list-dir button", "Delete all")
	b.typeInto("dialog input", "a")
	b.click("dialog [type=submit]", "Delete 2 keys")
	b.says(".toast", "2 deleted")
	b.wait("they are gone from the list", `![...document.querySelectorAll('.virtual-row')].some((e) => e.textContent.includes('a/'))`)
	b.wantNoFaults()
}
