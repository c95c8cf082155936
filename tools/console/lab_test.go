package console

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// demoOutput is what a demo prints, while it prints it.
type demoOutput struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (o *demoOutput) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *demoOutput) find(pattern string) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return regexp.MustCompile(pattern).FindStringSubmatch(o.buf.String())
}

// startDemo runs a demo, and returns the link to its console.
func startDemo(t *testing.T) (link string) {
	t.Helper()
	cmd := exec.Command(program, "demo", "--port", strconv.Itoa(freePort(t)))
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "TMPDIR="+cmd.Dir)
	out := &demoOutput{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the demo ended with %v: %s", err, out.find(`(?s).*`)[0])
		}
	})
	until(t, "the demo prints its link", func() bool { return out.find(`Console\s+(\S+)\s`) != nil })
	return out.find(`Console\s+(\S+)\s`)[1]
}

// Goal: in a demo, and there alone, the nodes can be broken and mended by buttons, and the
// page tells what happens. Light, dark, and on a small phone.
func TestLab(t *testing.T) {
	b := openTab(t)
	b.load(startDemo(t))
	b.says("nav", "Lab")
	b.press("gb")
	b.says(".lead", "all equal")
	press := func(node, place, text string) {
		at := fmt.Sprintf(`[data-place="%s %s"]`, node, place)
		b.wait(node+" can be told to "+text, fmt.Sprintf(`(e => !e.disabled && e.textContent === %q)(document.querySelector(%q))`, text, at))
		on[bool](b, fmt.Sprintf(`(document.querySelector(%q).focus(), true)`, at))
		b.click(at, text)
	}
	b.wait("the node of the page cannot be killed", `document.querySelector('[data-place="alpha life"]').disabled`)
	press("gamma", "link", "Cut off")
	b.says(".lab .chip", "cut off")
	b.says(".events", "gamma is cut off")
	b.wait("the focus stays where it was", `document.activeElement.dataset.place === 'gamma link' && document.activeElement.textContent === 'Heal'`)
	b.click("button", "Make a conflict")
	b.says(".events", "wrote demo/conflict")
	b.says(".lead", "not all are there and equal")
	b.shot("lab-cut")
	press("gamma", "link", "Heal")
	b.says(".events", "after the heal")
	press("beta", "life", "Kill")
	b.says(".lab .chip", "killed")
	press("beta", "clock", "Clock 5.0 s ahead")
	b.says(".lab", "5.0 s ahead")
	for _, look := range []struct {
		name, scheme  string
		width, height int64
	}{{"light", "light", 1280, 800}, {"dark", "dark", 1280, 800}, {"phone", "light", 360, 740}, {"phone-dark", "dark", 360, 740}} {
		b.scheme(look.scheme)
		b.size(look.width, look.height)
		b.wait("it is of the scheme", fmt.Sprintf(`document.documentElement.dataset.theme === %q`, look.scheme))
		if wide := on[float64](b, `document.documentElement.scrollWidth`); wide > float64(look.width) {
			t.Errorf("at %d pixels it is %v wide", look.width, wide)
		}
		b.wantAccessible(look.name + " lab")
		b.shot("lab-" + look.name)
	}
	b.size(1280, 800)
	press("beta", "life", "Start again")
	b.says(".events", "beta starts again")
	press("beta", "clock", "Set the clock right")
	b.says(".events", "beta's clock is right")
	b.says(".lead", "all equal")
	b.click("button", "Let all write")
	b.says(".events", "sensors write on every node")
	b.click("button", "Stop the writers")
	b.says(".events", "the sensors are silent")
	b.wantNoFaults()

	b = openTab(t)
	b.open(startNode(t, "alpha", nil, "auth_enabled: false"))
	b.says("nav", "Operations")
	b.wait("a node that is no demo's has no lab", `!document.querySelector('nav').textContent.includes('Lab')`)
	b.wantNoFaults()
}
