package httpapi

import (
	"strings"
	"testing"
)

// Goal: each kind of condition, on each method, against a key that is there and one
// that is not, does what RFC 9110 section 13 says. TAG stands for the stored version.
func TestConditions(t *testing.T) {
	const other = `"00000000-0000-0000-0000-0000000000ff"`
	for _, c := range []struct {
		method, header string
		there, absent  int
	}{
		{"PUT", `If-Match: TAG`, 200, 412},
		{"PUT", `If-Match: ` + other + `, TAG`, 200, 412},
		{"PUT", `If-Match: ` + other + `,TAG`, 200, 412},
		{"PUT", `If-Match: ` + other, 412, 412},
		{"PUT", `If-Match: "not-one-of-ours"`, 412, 412},
		{"PUT", `If-Match: W/TAG`, 412, 412},
		{"PUT", `If-Match: *`, 200, 412},
		{"PUT", `If-None-Match: *`, 412, 201},
		{"PUT", `If-None-Match: TAG`, 412, 201},
		{"PUT", `If-None-Match: W/TAG`, 412, 201},
		{"PUT", `If-None-Match: ` + other, 200, 201},
		{"PUT", "If-Match: *\r\nIf-None-Match: " + other, 200, 412},
		{"PUT", "If-Match: *\r\nIf-None-Match: TAG", 412, 412},
		{"PUT", "If-Match: " + other + "\r\nIf-Match: TAG", 200, 412},
		{"DELETE", `If-Match: TAG`, 204, 412},
		{"DELETE", `If-Match: ` + other, 412, 412},
		{"DELETE", `If-None-Match: *`, 412, 204},
		{"GET", `If-None-Match: TAG`, 304, 404},
		{"GET", `If-None-Match: W/TAG`, 304, 404},
		{"GET", `If-None-Match: *`, 304, 404},
		{"GET", `If-None-Match: ` + other, 200, 404},
		{"GET", `If-Match: TAG`, 200, 404},
		{"GET", `If-Match: ` + other, 412, 404},
		{"HEAD", `If-None-Match: TAG`, 304, 404},
		{"PUT", `If-Match: TAG,`, 400, 400},
		{"PUT", `If-Match: TAG TAG`, 400, 400},
		{"PUT", `If-Match: "x`, 400, 400},
		{"PUT", `If-Match: *,TAG`, 400, 400},
		{"PUT", `If-Match: ` + strings.Repeat(other+",", 16) + `TAG`, 400, 400},
		{"GET", `If-None-Match: TA`, 400, 400},
	} {
		for _, there := range []bool{true, false} {
			r := newRig(t, nil)
			tag := r.do("PUT", "/kv/k", `"before"`).header["Etag"]
			target, want, value := "/kv/k", c.there, ""
			if !there {
				target, want = "/kv/absent", c.absent
			}
			if c.method == "PUT" {
				value = `"after"`
			}
			writes := len(r.store.writes)
			a := r.do(c.method, target, value, strings.ReplaceAll(c.header, "TAG", tag))
			if a.status != want {
				t.Errorf("%s %s, key there %v: %s, want %d", c.method, c.header, there, a, want)
			}
			if stored := len(r.store.writes) > writes; stored != (want < 300 && c.method != "GET") {
				t.Errorf("%s %s, key there %v: stored %v", c.method, c.header, there, stored)
			}
			switch {
			case want == 304 && (a.body != "" || a.header["Etag"] != tag):
				t.Errorf("%s %s: 304 with %q and %v", c.method, c.header, a.body, a.header)
			case want == 412 && a.problem() != slugPrecondition:
				t.Errorf("%s %s: %s", c.method, c.header, a)
			case want == 412 && c.method != "GET" && strings.Contains(a.body, `"current":`+tag) != there:
				t.Errorf("%s %s, key there %v: %s does not name %s", c.method, c.header, there, a, tag)
			}
		}
	}
}

// Goal: every version has one spelling as a tag, and nothing else is taken for one.
func TestParseUUID(t *testing.T) {
	id := [16]byte{0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	text := appendUUID(nil, id)
	if got, ok := parseUUID(text); !ok || got != id {
		t.Errorf("%s: %x %v", text, got, ok)
	}
	for i := range text {
		for _, c := range []byte{'-', 'g', 0, ' '} {
			bad := append([]byte(nil), text...)
			if bad[i] == c {
				continue
			}
			bad[i] = c
			if got, ok := parseUUID(bad); ok {
				t.Errorf("%q is taken for %x", bad, got)
			}
		}
	}
	for _, bad := range []string{"", string(text[1:]), string(text) + "0"} {
		if _, ok := parseUUID([]byte(bad)); ok {
			t.Errorf("%q is taken for a version", bad)
		}
	}
}
