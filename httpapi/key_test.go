package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"kvs/internal/auth"
)

// Goal: every rule about keys, by example.
func TestCanonicalKey(t *testing.T) {
	long := strings.Repeat("k", KeyBytesMax)
	for _, c := range []struct{ raw, key, slug string }{
		{"users/john/profile", "users/john/profile", ""},
		{"/home/room", "home/room", ""},
		{"A", "A", ""},
		{"a%20b", "a b", ""},
		{"a+b", "a+b", ""},
		{"%61/%62", "a/b", ""},
		{"a%252Fb", "a%2Fb", ""},
		{"caf%C3%A9", "café", ""},
		{"café", "café", ""},
		{"a.b/..c/...", "a.b/..c/...", ""},
		{"a/_b", "a/_b", ""},
		{long, long, ""},
		{strings.Repeat("%6b", KeyBytesMax), long, ""},
		{"", "", slugInvalidKey},
		{"/", "", slugInvalidKey},
		{"//a", "", slugInvalidKey},
		{"a/", "", slugInvalidKey},
		{"a//b", "", slugInvalidKey},
		{"a/./b", "", slugInvalidKey},
		{"a/%2e%2E/b", "", slugInvalidKey},
		{"..", "", slugInvalidKey},
		{"a%2Fb", "", slugInvalidKey},
		{"a%2fb", "", slugInvalidKey},
		{"%2fa", "", slugInvalidKey},
		{"a%00", "", slugInvalidKey},
		{"a%0a", "", slugInvalidKey},
		{"a%7f", "", slugInvalidKey},
		{"a%C2%85", "", slugInvalidKey},
		{"a%ff", "", slugInvalidKey},
		{"a%c3", "", slugInvalidKey},
		{"a%ed%a0%80", "", slugInvalidKey},
		{"a%", "", slugInvalidKey},
		{"a%4", "", slugInvalidKey},
		{"a%zz", "", slugInvalidKey},
		{long + "k", "", slugInvalidKey},
		{strings.Repeat("%6b", KeyBytesMax+1), "", slugInvalidKey},
		{"_range", "", slugReservedKey},
		{"%5Frange", "", slugReservedKey},
		{"/_ts:1:x", "", slugReservedKey},
		{"_", "", slugReservedKey},
	} {
		key, p := CanonicalKey([]byte(c.raw))
		slug := ""
		if p != nil {
			slug = p.Code
		}
		if key != c.key || slug != c.slug {
			t.Errorf("CanonicalKey(%.60q) = %.60q, %q; want %.60q, %q", c.raw, key, slug, c.key, c.slug)
		}
	}
}

// genKey draws a legal key.
func genKey(t *rapid.T) string {
	segment := rapid.StringOfN(rapid.OneOf(
		rapid.RuneFrom([]rune("ab_.%+ ?#&=~é世\U0001F511")),
		rapid.Rune().Filter(func(r rune) bool { return !unicode.IsControl(r) && r != '/' }),
	), 1, 8, 24).Filter(func(s string) bool {
		return s != "." && s != ".." && utf8.ValidString(s)
	})
	segments := rapid.SliceOfN(segment, 1, 6).Draw(t, "segments")
	key := strings.Join(segments, "/")
	if isReserved(key) {
		key = "k" + key
	}
	return key
}

// spell draws one of the percent-encoded spellings of a key.
func spell(t *rapid.T, key string) string {
	var b strings.Builder
	if rapid.Bool().Draw(t, "slash") {
		b.WriteByte('/')
	}
	must := "%?# "
	for _, c := range []byte(key) {
		switch {
		case c == '/':
			b.WriteByte(c)
		case strings.IndexByte(must, c) >= 0 || rapid.Bool().Draw(t, "encode"):
			form := rapid.SampledFrom([]string{"%%%02x", "%%%02X"}).Draw(t, "form")
			fmt.Fprintf(&b, form, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Goal: all spellings of a key are one key, and the spelling this package
// writes itself (in Location) is one of them. Method: rapid.
func TestAllSpellingsAreOneKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := genKey(t)
		raw := spell(t, key)
		got, p := CanonicalKey([]byte(raw))
		if p != nil || got != key {
			t.Fatalf("CanonicalKey(%q) = %q, %+v; want %q", raw, got, p, key)
		}
		again, p := CanonicalKey(appendPath(nil, got))
		if p != nil || again != key {
			t.Fatalf("of its own spelling: %q, %+v; want %q", again, p, key)
		}
	})
}

// Goal: a target that is refused in one spelling is refused in all: no
// spelling of a reserved or malformed key slips through. Method: rapid.
func TestNoSpellingHidesARefusal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		segments := strings.Split(genKey(t), "/")
		bad := rapid.SampledFrom([]string{"", ".", "..", "a\x00", "a\n", "a\xff", "\u0085"}).Draw(t, "bad")
		at := rapid.IntRange(1, len(segments)).Draw(t, "at")
		key := strings.Join(slices.Insert(segments, at, bad), "/")
		if rapid.Bool().Draw(t, "reserve") {
			key = "_" + genKey(t)
		}
		if got, p := CanonicalKey([]byte(spell(t, key))); p == nil {
			t.Fatalf("spelling of %q accepted as %q", key, got)
		}
	})
}

// FuzzCanonicalKey holds the result's own invariants for any bytes.
func FuzzCanonicalKey(f *testing.F) {
	for _, seed := range []string{"a/b", "/a", "%2e%2e", "a%2Fb", "_x", "%", "caf%C3%A9", "a//b", "%ff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		key, p := CanonicalKey(raw)
		if p != nil {
			if key != "" || p.Status != 400 || p.Detail == "" {
				t.Fatalf("refusal of %q: %q, %+v", raw, key, p)
			}
			return
		}
		if !utf8.ValidString(key) || len(key) == 0 || len(key) > KeyBytesMax || key[0] == '_' {
			t.Fatalf("key %q of %q", key, raw)
		}
		for _, segment := range strings.Split(key, "/") {
			if segment == "" || segment == "." || segment == ".." {
				t.Fatalf("segment %q in key %q of %q", segment, key, raw)
			}
		}
		if strings.ContainsFunc(key, unicode.IsControl) {
			t.Fatalf("control character in key %q of %q", key, raw)
		}
		if again, p := CanonicalKey(appendPath(nil, key)); p != nil || again != key {
			t.Fatalf("not idempotent: %q, then %q", key, again)
		}
		// A decision takes every such key for one.
		everything := auth.Grant{Scope: auth.ScopeAdmin}
		none := func(string) (auth.ACL, bool) { return auth.ACL{}, false }
		if !auth.Decide(auth.Principal{User: auth.AdminUser}, everything, auth.OpRead, key, none) {
			t.Fatalf("%q is no key for decisions", key)
		}
	})
}
