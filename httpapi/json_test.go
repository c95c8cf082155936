package httpapi

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// jsonDepth is the nesting of a valid text.
func jsonDepth(text []byte) int {
	depth, deepest, inString := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// checkAgainstStd compares the accepted language with encoding/json's.
func checkAgainstStd(t interface{ Fatalf(string, ...any) }, text []byte) {
	var s scanner
	p := s.scan(text)
	want := json.Valid(text) && utf8.Valid(text) && jsonDepth(text) <= JSONDepthMax
	if got := p == nil; got != want {
		t.Fatalf("scan(%q) accepts: %v (%+v), want %v", text, got, p, want)
	}
	if p != nil && (p.Code != slugInvalidJSON || p.Detail == "") {
		t.Fatalf("scan(%q): %+v", text, p)
	}
	if p != nil {
		return
	}
	if data, ttl, ok := s.envelope(); ok {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(text, &fields); err != nil || len(fields) != 2 ||
			string(fields["data"]) != string(data) || string(fields["ttl"]) != string(ttl) {
			t.Fatalf("envelope of %q: data %q, ttl %q", text, data, ttl)
		}
	}
}

// Goal: the accepted language, by example, and where the complaint points.
func TestScanJSON(t *testing.T) {
	deep := strings.Repeat("[", JSONDepthMax) + strings.Repeat("]", JSONDepthMax)
	for _, text := range []string{
		"null", "true", "false", "0", "-0", "12.5e+3", `""`, `"\u00e9\n"`, "[]", "{}", " [1 , 2]\r\n",
		`{"a":{"b":[1,{}]}}`, `{"a":1,"a":2}`, "12345678901234567890", deep, `"\ud800"`, `"é"`,
		"", " ", "nul", "nulll", "01", "1.", ".5", "+1", "1e", "-", "[1,]", "[", "{", `{"a"}`, `{"a":}`,
		`{a:1}`, `{"a":1,}`, `"`, `"\x"`, `"\u12g4"`, "\"\n\"", "[]]", "1 2", "\xff", "\"\xc3\"", "'a'",
		"NaN", "\ufeff1", "[" + deep + "]", strings.Repeat("[", 100000), "tru", "truu", `"\`, `"\u00`,
	} {
		checkAgainstStd(t, []byte(text))
	}
	var s scanner
	p := s.scan([]byte("{\n  \"a\": tru}"))
	if want := "a value is expected at line 2, byte 11"; !strings.HasSuffix(p.Detail, want) {
		t.Errorf("detail %q, want ... %q", p.Detail, want)
	}
}

// Goal: which bodies are TTL envelopes.
func TestEnvelope(t *testing.T) {
	for _, c := range []struct{ text, data, ttl string }{
		{`{"data":1,"ttl":"1h"}`, "1", `"1h"`},
		{` { "ttl" : 5 , "data" : { "a" : [] } } `, `{ "a" : [] }`, "5"},
		{`{"\u0064ata":1,"ttl":null}`, "1", "null"},
		{`{"data":1}`, "", ""},
		{`{"data":1,"ttl":"1h","x":2}`, "", ""},
		{`{"data":1,"data":2}`, "", ""},
		{`{"data":1,"data":2,"ttl":"1h"}`, "", ""},
		{`{"Data":1,"ttl":"1h"}`, "", ""},
		{`[{"data":1,"ttl":"1h"}]`, "", ""},
		{`{"a":{"data":1,"ttl":"1h"}}`, "", ""},
	} {
		var s scanner
		if p := s.scan([]byte(c.text)); p != nil {
			t.Fatalf("%s: %+v", c.text, p)
		}
		data, ttl, ok := s.envelope()
		if string(data) != c.data || string(ttl) != c.ttl || ok != (c.data != "") {
			t.Errorf("%s: data %q, ttl %q, %v", c.text, data, ttl, ok)
		}
	}
}

// Goal: the same language as encoding/json near the border. Method: rapid
// draws texts from JSON's own pieces, so that many are almost valid.
func TestScanJSONAgainstStd(t *testing.T) {
	pieces := []string{"{", "}", "[", "]", ",", ":", `"a"`, `"data"`, `"ttl"`, `"\u0064ata"`, `"`, `\`,
		"1", "-", "0", ".", "e", "true", "null", " ", "\n", "é", "\xff", "\x01", `{"data":1,"ttl":"1h"}`}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 12).Draw(t, "pieces"), "")
		checkAgainstStd(t, []byte(text))
	})
}

// FuzzScanJSON compares the accepted language with encoding/json's.
func FuzzScanJSON(f *testing.F) {
	for _, seed := range []string{"null", `{"data":[1,2.5e-3],"ttl":"1h"}`, `"\u00e9\\"`, "[[[]]]", "{", "-0"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) { checkAgainstStd(t, text) })
}

// Goal: TTL texts and what becomes of them.
func TestParseTTL(t *testing.T) {
	for _, c := range []struct {
		text string
		want TTL
		ok   bool
	}{
		{"1h", 3_600_000, true}, {"90s", 90_000, true}, {"1h30m", 5_400_000, true},
		{"0", TTLNever, true}, {"0s", TTLNever, true}, {"1ns", 1, true}, {"1500us", 2, true},
		{"2562047h47m16.854775807s", 9223372036855, true},
		{"", 0, false}, {"1", 0, false}, {"-1s", 0, false}, {"1d", 0, false}, {"1 h", 0, false},
		{"forever", 0, false}, {"9999999999h", 0, false},
	} {
		got, p := parseTTL(c.text)
		if (p == nil) != c.ok || got != c.want {
			t.Errorf("parseTTL(%q) = %d, %+v", c.text, got, p)
		}
	}
}
