package config

import (
	"strings"
	"testing"
)

// Goal: what kvs writes is in form already, and what is in form stays as it is.
func TestFormatKeepsWhatIsInForm(t *testing.T) {
	for _, text := range []string{
		render(testHost, defaults(testHost)), "# only words\n", "", "port: 8080\n",
	} {
		got, err := Format("c", []byte(text))
		if err != nil || got != text {
			t.Errorf("%v; got\n%s\nwant\n%s", err, got, text)
		}
	}
}

// Goal: settings get in order, and every comment stays with its own.
func TestFormat(t *testing.T) {
	const text = "# About this node.\n\n\n\n# where\nlog_level:   debug# not a comment\n" +
		"port:    8081   # the port\r\n" + // the value of log_level is wrong, see below
		"# whom to ask\nseed_nodes:\n  - 127.0.0.1:9000\n  # - 127.0.0.1:9001\n\nnode_id: n1\n# the end\n"
	_, err := Format("c", []byte(text))
	if err == nil || !strings.Contains(err.Error(), "log_level") {
		t.Fatalf("a bad file: %v", err)
	}
	good := strings.Replace(text, "debug# not a comment", `debug #loud`, 1)
	got, err := Format("c", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	const want = "# About this node.\n\nnode_id: n1\nport: 8081                           # the port\n" +
		"# whom to ask\nseed_nodes:\n  - 127.0.0.1:9000\n  # - 127.0.0.1:9001\n" +
		"# where\nlog_level: debug                     #loud\n# the end\n"
	if strings.ReplaceAll(got, "\n\n", "\n") != strings.ReplaceAll(want, "\n\n", "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if again, err := Format("c", []byte(got)); err != nil || again != got {
		t.Errorf("a second time: %v\n%s", err, again)
	}
}

// Goal: what cannot be moved is refused, and not spoilt.
func TestFormatRefuses(t *testing.T) {
	for _, text := range []string{
		"{port: 8080}", "port: 8080\nbind_address: &a '127.0.0.1'\nnode_id: *a\n",
	} {
		if got, err := Format("c", []byte(text)); err == nil || !strings.Contains(err.Error(), "Try: ") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

// FuzzFormat: a good file means the same in form, and is in form then.
func FuzzFormat(f *testing.F) {
	f.Add("port: 1 # x\nnode_id: a")
	f.Add(seedFile)
	f.Add("seed_nodes:\n- a:1\n# c\nnode_id: 'x # y'\n")
	f.Fuzz(func(t *testing.T, text string) {
		before, err := parse("c", []byte(text), testHost)
		if err != nil {
			return
		}
		got, err := Format("c", []byte(text))
		if err != nil {
			return
		}
		after, err := parse("c", []byte(got), testHost)
		if err != nil || before.NodeID != after.NodeID || before.Port != after.Port {
			t.Fatalf("%q became %q: %v", text, got, err)
		}
		if again, err := Format("c", []byte(got)); err != nil || again != got {
			t.Fatalf("%q became %q: %v", got, again, err)
		}
	})
}
