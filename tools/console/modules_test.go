package console

import (
	"encoding/json"
	"testing"

	"github.com/chromedp/chromedp"
)

// Goal: the modules that compute compute what they should. Method: expressions over their
// exports, evaluated in the browser that will run them.
func TestModules(t *testing.T) {
	b := openTab(t)
	n := startNode(t, "alpha", nil, "auth_enabled: false", "rate_limiting_enabled: false")
	b.open(n)
	for _, row := range []struct{ module, expression, want string }{
		{"json", "m.pretty('{\"a\":1e400,\"a\":[1,2.50],\"b\":[{}],\"c\":\"}\\\\\"{\"}')",
			`"{\n  \"a\": 1e400,\n  \"a\": [1, 2.50],\n  \"b\": [\n    {}\n  ],\n  \"c\": \"}\\\"{\"\n}"`},
		{"json", "m.compact(' { \"a b\" : [ 1 , \"x \\\\\" y\" ] } ')", `"{\"a b\":[1,\"x \\\" y\"]}"`},
		{"json", "[...m.members('{\"n\": 12345678901234567890 ,\"o\":{\"x\":[1]},\"s\":\"a,}\"}')]",
			`[["n","12345678901234567890"],["o","{\"x\":[1]}"],["s","\"a,}\""]]`},
		{"json", "m.elements('[ 1, [2,3], {\"a\":\"]\"}, null ]')", `["1","[2,3]","{\"a\":\"]\"}","null"]`},
		{"json", "[m.elements('[]'), m.pretty('[]'), m.pretty(' null '), m.flaw('1')]", `[[],"[]","null",null]`},
		{"json", "[m.flaw('{\\n  \"a\": }').line, m.flaw('').message]", `[2,"a value is missing; null is one"]`},
		{"format", "[m.span(0), m.span(999), m.span(1500), m.span(61000), m.span(7260000), m.span(90000000)]",
			`["0 ms","999 ms","1.5 s","1 min 1 s","2 h 1 min","1 d 1 h"]`},
		{"format", "[m.bytes(0), m.bytes(1023), m.bytes(1536), m.bytes(5e9), m.ago(0, 9), m.ago(1, 5), m.plural(1, 'key')]",
			`["0 B","1 KiB","1.5 KiB","4.7 GiB","never","now","1 key"]`},
		{"terminal", "[m.quoted('users/john'), m.quoted(\"it's\"), m.quoted(''), m.quoted('$(x)')]", `["users/john","'it'\\''s'","''","'$(x)'"]`},
		{"terminal", "m.curl({method: 'PUT', path: '/kv/a?ttl=1h', body: '{\"a\":1}'}).replace(location.origin, '')",
			`"curl -s -X PUT -H 'Content-Type: application/json' -d '{\"a\":1}' '/kv/a?ttl=1h'"`},
		{"diff", "m.diff('a\\nb\\nc', 'a\\nx\\nc').textContent", `" a−b+x c"`},
		{"diff", "m.diff('', 'a').textContent + m.diff('a', 'a').textContent", `"+aThe same text."`},
		{"diff", "m.diff([...Array(9).keys()].join('\\n'), [...Array(9).keys()].slice(1).join('\\n')).textContent", `"−0 1 2 35 lines alike"`},
		{"chart", "[0, 0.3, 1, 7, 50, 99, 1001].map(m.roof)", `[1,0.5,1,10,50,100,2000]`},
		{"chart", "[1024, 11e3, 1e6].map(m.binaryRoof)", `[1024,20480,1024000]`},
		{"series", "m.parse('# HELP x\\nx{a=\"q\\\\\"\",b=\"2\"} 3\\ny 1e2\\n').get('x')", `[{"labels":{"a":"q\\\"","b":"2"},"value":3}]`},
		{"series", `(() => { const s = (at, a, b) => ({at, values: {'q le 1': a, 'q le 2': b, 'q le +Inf': b}});
			return [m.quantile(s(0, 0, 0), s(1, 5, 10), 'q', 0.5), m.quantile(s(0, 0, 0), s(1, 5, 10), 'q', 0.75), m.quantile(s(0, 5, 5), s(1, 5, 5), 'q', 0.5)]; })()`,
			`[1,1.5,null]`},
		{"series", "[m.perSecond({at: 0, values: {n: 5}}, {at: 2000, values: {n: 9}}, 'n'), m.perSecond({at: 0, values: {n: 5}}, {at: 1, values: {n: 0}}, 'n')]", `[2,null]`},
		{"api", "[m.keyPath('a b/ü/%'), m.query({a: 1, b: undefined, c: true, d: ''}), m.query({})]", `["/kv/a%20b/%C3%BC/%25","?a=1&c",""]`},
		{"digesttree", "[m.pathOf('ffffffffffffffff'), m.pathOf('0410000000000001'), m.pathOf('0000000000000000')]", `[[63,63,63],[1,1,0],[0,0,0]]`},
		{"key", "m.address('a b/c#')", `"#/keys/a%20b/c%23"`},
	} {
		expression := `(async () => { const src = document.querySelector('script[type=module]').src;
			const m = await import(src.replace('app.js', '` + row.module + `.js')); return JSON.stringify(` + row.expression + `); })()`
		got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
		if err != nil || !json.Valid([]byte(got)) || got != row.want {
			t.Errorf("%s: %s is %s (%v), want %s", row.module, row.expression, got, err, row.want)
		}
	}
	b.wantNoFaults()
}

// Goal: where two nodes differ can be gone down into, level by level, with the keyboard too;
// few branches are open from the start, many are not. Method: the tree of made-up answers
// in a pane, since nodes that can be compared are equal at once.
func TestDigestTree(t *testing.T) {
	b := openTab(t)
	n := startNode(t, "alpha", nil, "auth_enabled: false", "rate_limiting_enabled: false")
	b.open(n)
	b.press("gs")
	b.says(".facts", "Root")
	draw := func(differences string) {
		expression := `(async () => { const src = document.querySelector('script[type=module]').src;
			const m = await import(src.replace('app.js', 'digesttree.js'));
			const panel = document.createElement('div');
			panel.className = 'panel made-up';
			panel.append(m.digestTree(` + differences + `));
			document.querySelector('.made-up')?.remove();
			document.querySelector('main section').append(panel); return '' })()`
		if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise)); err != nil {
			t.Fatal(err)
		}
	}
	draw(`[{hash: '0410000000000001', here: true, there: false, key: 'rooms/kitchen'},
		{hash: '0410000000000002', here: false, there: true},
		{hash: '0420000000000000', here: true, there: true, key: 'rooms/hall/' + 'long/'.repeat(20)}]`)
	b.says(".digesttree", "node 01")
	b.says(".digesttree", "leaf 01.01.00")
	b.says(".digesttree table a", "rooms/kitchen")
	b.says(".digesttree", "hash 0410000000000002")
	b.wantAccessible("the digest tree")
	b.shot("digesttree")
	b.scheme("dark")
	b.size(360, 740)
	if wide := on[float64](b, `document.documentElement.scrollWidth`); wide > 360 {
		t.Errorf("at 360 pixels it is %v wide", wide)
	}
	b.wantAccessible("the digest tree, dark")
	b.shot("digesttree-phone-dark")

	draw(`[...Array(40).keys()].map((i) => ({hash: (i * 4).toString(16).padStart(2, '0') + '00000000000000', here: true, there: true, key: 'k/' + i}))`)
	b.says(".digesttree", "node 39")
	b.wait("all are closed", `document.querySelectorAll('.digesttree details[open]').length === 0`)
	b.click(".digesttree summary", "node 07")
	b.says(".digesttree table a", "k/7")
	b.wantNoFaults()
}
