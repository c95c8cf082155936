package console

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// panes are the panes with the key that leads to each after g, and something that each
// shows once it has asked the node.
var panes = []struct{ key, name, selector, text string }{
	{"c", "cluster", ".members", "alive"},
	{"s", "sync", ".facts", "Root"},
	{"k", "keys", ".virtual", "rooms/"},
	{"l", "live", ".state", "following"},
	{"x", "conflicts", ".more", "No two writes met"},
	{"m", "metrics", ".legend", "99th"},
	{"a", "access", ".panel", "Why denied?"},
	{"o", "ops", ".facts", "certs"},
}

// Goal: all panes are usable light and dark, and on a small phone, where nothing is wider
// than the screen; pictures of all are kept.
func TestLooks(t *testing.T) {
	b := openTab(t)
	n := startNode(t, "alpha", nil, "rate_limiting_enabled: false")
	startNode(t, "beta", []*node{n}, "rate_limiting_enabled: false")
	for i := range 24 {
		n.do(http.MethodPut, fmt.Sprintf("/kv/rooms/%02d/temperature", i), fmt.Sprintf(`{"celsius":%d.5,"unit":"C"}`, i))
	}
	n.do(http.MethodPost, "/auth/users", `{"nickname":"john"}`)
	b.open(n)
	for _, look := range []struct {
		name, scheme  string
		width, height int64
	}{{"light", "light", 1280, 800}, {"dark", "dark", 1280, 800}, {"phone", "light", 360, 740}, {"phone-dark", "dark", 360, 740}} {
		b.scheme(look.scheme)
		b.size(look.width, look.height)
		for _, p := range panes {
			b.press("g" + p.key)
			b.says(p.selector, p.text)
			b.wait("it is of the scheme", fmt.Sprintf(`document.documentElement.dataset.theme === %q`, look.scheme))
			if wide := on[float64](b, `document.documentElement.scrollWidth`); wide > float64(look.width) {
				t.Errorf("%s at %d pixels is %v wide", p.name, look.width, wide)
			}
			if p.name == "live" {
				b.wait("the feed fits", `document.querySelector('.changes').offsetWidth <= document.querySelector('.changes').parentElement.clientWidth`)
			}
			b.wantAccessible(look.name + " " + p.name)
			b.shot(look.name + "-" + p.name)
		}
	}
	b.press("gk")
	b.click(".virtual-row", "rooms/")
	b.click(".virtual-row", "03/")
	b.click(".virtual-row", "temperature")
	b.wait("the value is shown", `document.querySelector('.editor')?.value.includes('3.5')`)
	b.shot("phone-dark-key")
	b.press("t")
	b.wait("it is light again", `document.documentElement.dataset.theme === 'light'`)
	b.press("t?")
	b.says("dialog", "Keyboard")
	b.shot("phone-dark-help")
	b.press(kb.Escape)
	b.wantNoFaults()
}

// Goal: with the rate limit that a node has by default, somebody who looks at every pane
// is not refused.
func TestPanesWithinTheRateLimit(t *testing.T) {
	for _, auth := range []string{"auth_enabled: true", "auth_enabled: false"} {
		b := openTab(t)
		n := startNode(t, "alpha", nil, auth)
		n.do(http.MethodPut, "/kv/rooms/kitchen", `1`)
		b.open(n)
		for _, p := range panes {
			text := p.text
			if n.token == "" && p.name == "access" {
				p.selector, text = ".notice", auth
			}
			b.press("g" + p.key)
			b.says(p.selector, text)
		}
		b.wait("nothing was refused", `!document.body.innerText.includes('rate_limit') && document.getElementById('banner').hidden`)
		b.wantNoFaults()
	}
}

// Goal: where the rate limit is far too low, the page is there and says which setting it is.
func TestLowRateLimit(t *testing.T) {
	b := openTab(t)
	n := startNode(t, "alpha", nil, "rate_limit_requests: 2")
	b.open(n)
	b.says(".banner", "rate_limit_requests")
	b.shot("rate-limited")
	b.wantNoFaults()
}

// Goal: without a token there is a way to enter one and nothing else; a wrong one is
// refused with the reason; a right one is kept for the tab and is nowhere in its address;
// and one that may only read sees what it may.
func TestSignIn(t *testing.T) {
	b := openTab(t)
	n := startNode(t, "alpha", nil, "rate_limiting_enabled: false")
	n.do(http.MethodPut, "/kv/rooms/kitchen", `1`)
	b.load(n.url("/console/"))
	b.says("h1", "Sign in")
	b.says(".signin", "admin.token")
	b.wait("there is no way to the panes", `document.querySelectorAll('nav a').length === 0`)
	b.wantAccessible("signing in")
	b.shot("signin")
	b.typeInto("[name=token]", "nonsense")
	b.click("button", "Sign in")
	b.says(".notice", "token refused")
	b.typeInto("[name=token]", n.token)
	b.click("button", "Sign in")
	b.says("h1", "Cluster")
	b.load(n.url("/console/#/keys"))
	b.says(".virtual", "rooms/")
	if kept := on[string](b, `JSON.stringify([localStorage, document.cookie, location.href])`); len(kept) > 200 {
		t.Errorf("outside of the tab is kept %s", kept)
	}
	b.click("button", "Sign out")
	b.says("h1", "Sign in")

	user := between(n.do(http.MethodPost, "/auth/users", `{"nickname":"john"}`), `"uuid":"`, `"`)
	reader := between(n.do(http.MethodPost, "/auth/tokens", `{"user_uuid":"`+user+`","scopes":["read"]}`), `"token":"`, `"`)
	b.load(n.url("/console/#token=" + reader))
	b.says("h1", "Cluster")
	b.says(".facts", "for tokens of scope admin")
	b.press("ga")
	b.says(".notice", "for tokens of scope admin")
	b.press("gk")
	b.says("main", "No keys yet.")
	b.wantNoFaults()
}

// Goal: with authentication off there is nothing to sign in to.
func TestOpenNode(t *testing.T) {
	b := openTab(t)
	n := startNode(t, "alpha", nil, "auth_enabled: false", "rate_limiting_enabled: false")
	b.load(n.url("/console"))
	b.says("h1", "Cluster")
	b.press("ga")
	b.says(".notice", "auth_enabled: false")
	b.wantNoFaults()
}
