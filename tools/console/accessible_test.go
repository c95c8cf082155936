package console

// unnamed lists what can be used and has no name for who does not see it.
const unnamed = `[...document.querySelectorAll('a, button, input, select, textarea, [role=button], [tabindex="0"]')]
	.filter((e) => e.checkVisibility() && !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length))
	.map((e) => 'without a name: ' + e.outerHTML.slice(0, 120))`

// pale lists texts whose contrast with what is behind them is less than WCAG 2.2 asks for
// (success criterion 1.4.3, 4.5 to 1). What cannot be used at the moment is exempt.
const pale = `(() => {
	const parts = (color) => { const m = color.match(/[\d.]+/g).map(Number); return { rgb: m.slice(0, 3), alpha: m[3] ?? 1 }; };
	const light = (rgb) => rgb.map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
		.reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = (e) => { for (; e; e = e.parentElement) { const b = parts(getComputedStyle(e).backgroundColor); if (b.alpha > 0.99) return b.rgb; } return [255, 255, 255]; };
	const out = [];
	for (const e of document.querySelectorAll('body *')) {
		const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
		if (!own || e instanceof SVGElement || !e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.closest(':disabled')) continue;
		const [a, b] = [light(parts(getComputedStyle(e).color).rgb), light(behind(e))];
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < 4.5) out.push('pale, ' + ratio.toFixed(2) + ': ' + e.outerHTML.slice(0, 120));
	}
	return out;
})()`

// repeated lists ids that more than one element has, and counts of headings other than one.
const repeated = `(() => {
	const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
	const out = ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => 'an id twice: ' + id);
	const heads = document.querySelectorAll('h1').length;
	return heads === 1 ? out : [...out, heads + ' headings of the first level'];
})()`

// wantAccessible fails for what keeps people from using the page who do not see it, or not
// well. Colours are those after their transitions.
func (b *tab) wantAccessible(where string) {
	b.t.Helper()
	b.wait("nothing moves", `document.getAnimations().every((a) => a.playState === 'finished')`)
	for _, check := range []string{unnamed, pale, repeated} {
		for _, fault := range on[[]string](b, check) {
			b.t.Errorf("%s: %s", where, fault)
		}
	}
}
