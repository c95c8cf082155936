package console

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// names are what Chromium is called, in the order in which they are tried.
var names = []string{"chromium", "chromium-browser", "google-chrome"}

const patience = 15 * time.Second // for what should take a moment

// tab is a tab of a browser. What goes wrong in it fails the test.
type tab struct {
	t     testing.TB
	ctx   context.Context
	shots string

	mu     sync.Mutex
	faults []string // errors on the page's console, exceptions, requests that policy forbade
}

// openTab starts a browser with a profile of its own.
func openTab(t *testing.T) *tab {
	t.Helper()
	path := ""
	for _, name := range names {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skipf("there is no Chromium here: looked for %s (Debian: apt-get install chromium)", strings.Join(names, ", "))
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("hide-scrollbars", false))
	allocator, endAllocator := chromedp.NewExecAllocator(t.Context(), options...)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(func() { end(); endAllocator() })
	b := &tab{t: t, ctx: ctx, shots: t.ArtifactDir()}
	b.size(1280, 800)
	if err := chromedp.Listen(ctx, b.onEvent); err != nil {
		t.Fatal(err)
	}
	return b
}

// onEvent notes what a page must not cause. A refusal that the page expects, such as a
// 412, is an error of the network to a browser, and none to us.
func (b *tab) onEvent(event any) {
	fault := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		fault = fmt.Sprintf("%s:%d: %s", e.ExceptionDetails.URL, e.ExceptionDetails.LineNumber+1, e.ExceptionDetails.Text)
		if e.ExceptionDetails.Exception != nil {
			fault += " " + e.ExceptionDetails.Exception.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			fault = fmt.Sprintf("console.%s", e.Type)
			for _, arg := range e.Args {
				fault += " " + string(arg.Value) + arg.Description
			}
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			fault = string(e.Entry.Source) + ": " + e.Entry.Text
		}
	}
	if fault != "" {
		b.mu.Lock()
		b.faults = append(b.faults, fault)
		b.mu.Unlock()
	}
}

// wantNoFaults fails the test for all that was noted.
func (b *tab) wantNoFaults() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, fault := range b.faults {
		b.t.Errorf("the page: %s", fault)
	}
	b.faults = nil
}

// do carries out actions of the browser.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// on is what an expression gives on the page.
func on[T any](b *tab, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%v: %s", err, expression)
	}
	return value
}

// wait waits until an expression is true on the page; one that throws is not yet. It asks from outside: inside, the
// page's policy lets nobody evaluate a text.
func (b *tab) wait(what, expression string) {
	b.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for !on[bool](b, "(() => { try { return !!("+expression+") } catch { return false } })()") {
		select {
		case <-tick.C:
		case <-late.C:
			b.shot("failed")
			b.wantNoFaults()
			b.t.Fatalf("not within %v: %s\nthe page shows:\n%.1500s", patience, what, on[string](b, "document.body.innerText"))
		}
	}
}

// says waits until an element that matches has a text.
func (b *tab) says(selector, text string) {
	b.t.Helper()
	b.wait(fmt.Sprintf("%s says %q", selector, text),
		fmt.Sprintf("[...document.querySelectorAll(%q)].some((e) => e.textContent.includes(%q))", selector, text))
}

// click clicks the first visible element that matches and has a text, once there is one.
func (b *tab) click(selector, text string) {
	b.t.Helper()
	find := fmt.Sprintf("[...document.querySelectorAll(%q)].find((e) => e.checkVisibility() && !e.disabled && e.textContent.includes(%q))", selector, text)
	b.wait(fmt.Sprintf("there is %s with %q", selector, text),
		find+`.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true})) || true`)
}

// typeInto replaces the text of a field, as typing does.
func (b *tab) typeInto(selector, text string) {
	b.t.Helper()
	b.wait("there is "+selector, fmt.Sprintf("document.querySelector(%q)", selector))
	on[bool](b, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.focus(); e.value = %q;
		e.dispatchEvent(new Event('input', {bubbles: true})); e.dispatchEvent(new Event('change', {bubbles: true})); return true; })()`, selector, text))
}

// press presses keys where the focus is.
func (b *tab) press(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// shot keeps a picture of the page.
func (b *tab) shot(name string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.shots, name+".png"), png, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// scheme makes the browser one of somebody who prefers light or dark.
func (b *tab) scheme(value string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// size sets the width and height of the page in pixels.
func (b *tab) size(width, height int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height))
}

// load goes to an address.
func (b *tab) load(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}
