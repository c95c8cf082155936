package sim

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Goal: the report of a run that failed shows it, in a browser, without an error of a
// script and without asking anybody for anything. Method: a torn batch, and Chromium.
func TestReportPinsTheFailure(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs chromium, the Debian package of that name")
	}
	torn := Variant{SplitVector: true}
	found := torn.Hunt(Campaign{Seeds: 100})
	if len(found.Failures) == 0 {
		t.Fatal("a disk that tears batches is not noticed")
	}
	film, r := FilmRun(torn.Options(found.Failures[0].Seed))
	page := filepath.Join(t.TempDir(), "report.html")
	var b bytes.Buffer
	if err := film.Report(&b, "a <b>title</b>", "sim run --seed 4"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(page, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dom, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu",
		"--user-data-dir="+t.TempDir(), "--virtual-time-budget=5000", "--dump-dom", "file://"+page).Output()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	text := string(dom)
	for _, want := range []string{`data-ready="yes"`, `class="pin"><b>` + r.Failure.Oracle + ` at `,
		"FAIL: " + r.Failure.Oracle, "sim run --seed 4", "a &lt;b&gt;title"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in what the browser made of the report", want)
		}
	}
	if strings.Contains(text, "data-error=") {
		t.Error("a script of the page failed")
	}
	for _, outside := range []string{"http://", "https://", "src=", "@import"} {
		if strings.Contains(b.String(), outside) {
			t.Errorf("the report asks for something outside: it has %q", outside)
		}
	}
}

// Goal: the report of a long run stays small. Method: a film with more of everything
// than it holds.
func TestReportOfALongRunIsBounded(t *testing.T) {
	w := newWorld(Calm(1, 3))
	f := newFilm(3)
	for i := range 10 * filmedMax {
		at := Millis(i) * 100
		f.flies(Flight{From: i % 3, To: (i + 1) % 3, Message: 6, Sent: at, At: at + 3})
		f.act(&Act{At: at, Kind: ActCut, Hosts: []int{0, 1}, Args: []int64{1, 86_400_000}})
		f.stored(Change{at, i % 3, "k" + strconv.Itoa(i%1000), "1767225600000/1767225600000/fffd2017-0000-0000-0000-000000000000", true})
		f.Scened++
		f.last[i%3] = Scene{at, i % 3, 1 << 63, 1 << 20, "read-only"}
		f.Scenes = thinned(f.Scenes, f.Scened, f.last[i%3])
		f.begins(SpanCut, w.hosts[0], w.hosts[1])
		f.ends(SpanCut, w.hosts[0], w.hosts[1])
	}
	f.end(w, Result{})
	if at := f.Scenes[len(f.Scenes)-1].At; at != Millis(10*filmedMax-1)*100 {
		t.Errorf("the last scene is of %d ms", at)
	}
	if at := f.Changes[len(f.Changes)-1].At; at != Millis(10*filmedMax-1)*100 {
		t.Errorf("the last change is of %d ms", at)
	}
	var b bytes.Buffer
	if err := f.Report(&b, "long", "again"); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 8<<20 || len(f.Flights) < filmedMax/2 || len(f.Spans) < filmedMax {
		t.Errorf("%d bytes with %d messages, %d spans", b.Len(), len(f.Flights), len(f.Spans))
	}
	if last := f.Flights[len(f.Flights)-1].At; last < Millis(10*filmedMax)*95 {
		t.Errorf("the last message is of %d ms: the end of the run is missing", last)
	}
}
