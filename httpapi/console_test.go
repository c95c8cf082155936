package httpapi

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func withConsole(o *Options) { o.Console = true }

// inConsole is the build that the page names and the files below it.
func inConsole(t *testing.T) (build string, files map[string]consoleFile) {
	t.Helper()
	c := newConsole()
	for name := range c.files {
		build, _, _ = strings.Cut(name, "/")
	}
	files = map[string]consoleFile{}
	for name, f := range c.files {
		files[path.Base(name)] = f
	}
	if len(files) < 20 {
		t.Fatalf("the console has %d files", len(files))
	}
	return build, files
}

// Goal: the console is served whole, each file with its type, all under the strict
// policy; the page is asked for anew each time, its files are cached for ever.
func TestConsoleIsServed(t *testing.T) {
	r := newRig(t, withConsole)
	check := func(target, kind, cached string) {
		t.Helper()
		a := r.do("GET", target, "")
		if a.status != 200 || !strings.HasPrefix(a.header["Content-Type"], kind) || !strings.Contains(a.header["Cache-Control"], cached) || a.body == "" {
			t.Errorf("%s: %.200s %v", target, a, a.header)
		}
		const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:"
		for name, want := range map[string]string{
			"Content-Security-Policy": policy, "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "X-Content-Type-Options": "nosniff",
		} {
			if a.header[name] != want {
				t.Errorf("%s: %s is %q, want %q", target, name, a.header[name], want)
			}
		}
	}
	check("/console/", "text/html", "no-cache")
	check("/console", "text/html", "no-cache")
	build, files := inConsole(t)
	kinds := map[string]string{".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
	for name := range files {
		check("/console/"+build+"/"+name, kinds[path.Ext(name)], "immutable")
	}
	for _, target := range []string{"/console/x", "/console/" + build, "/console/" + build + "/", "/console/" + build + "/x.js",
		"/console/app.js", "/console/0000000000000000/app.js", "/console/" + build + "/../../docs.go", "/console/" + build + "/index.html"} {
		if a := r.do("GET", target, ""); a.status != 404 || a.problem() != slugNotFound {
			t.Errorf("%s: %.200s", target, a)
		}
	}
	if a := r.do("POST", "/console/", "x"); a.problem() != slugMethodNotAllowed {
		t.Errorf("a POST: %s", a)
	}
}

// Goal: whoever loads the console pays for its page alone, so that no rate limit leaves it
// half loaded.
func TestConsoleFilesAreFree(t *testing.T) {
	r := newRig(t, func(o *Options) {
		withConsole(o)
		o.RateLimit = RateLimit{Requests: 2, Window: time.Minute}
	})
	build, files := inConsole(t)
	for range 2 {
		if a := r.do("GET", "/console/", ""); a.status != 200 {
			t.Fatalf("the page: %s", a)
		}
	}
	if a := r.do("GET", "/console/", ""); a.problem() != slugRateLimited {
		t.Errorf("the page is free: %.200s", a)
	}
	for name := range files {
		if a := r.do("GET", "/console/"+build+"/"+name, ""); a.status != 200 {
			t.Errorf("%s: %.200s", name, a)
		}
	}
}

// Goal: console_enabled: false serves none of it, and says which setting it is.
func TestConsoleCanBeOff(t *testing.T) {
	r := newRig(t, nil)
	build, _ := inConsole(t)
	for _, target := range []string{"/console", "/console/", "/console/" + build + "/app.js"} {
		if a := r.do("GET", target, ""); a.status != 404 || !strings.Contains(a.body, `"config_key":"console_enabled"`) {
			t.Errorf("%s: %s", target, a)
		}
	}
}

// Goal: nothing of the console is run or loaded from anywhere but its own files, and
// nothing in it would turn text into markup or code.
func TestConsoleIsOfItsOwnFiles(t *testing.T) {
	_, files := inConsole(t)
	page := string(newConsole().page)
	for _, f := range regexp.MustCompile(`(?s)<(?:script|style)[^>]*>(.*?)</(?:script|style)>`).FindAllStringSubmatch(page, -1) {
		if strings.TrimSpace(f[1]) != "" {
			t.Errorf("the page has inline code: %.80s", f[1])
		}
	}
	texts := map[string]string{"index.html": page}
	for name, f := range files {
		texts[name] = string(f.body)
	}
	forbidden := []string{"https://", "@import", " style=", "setAttribute('style", "{{", "innerHTML", "outerHTML",
		"insertAdjacentHTML", "document.write", "DOMParser", "eval(", "new Function", "import(", "?token="}
	if m := regexp.MustCompile(` on[a-z]+=`).FindString(page); m != "" {
		t.Errorf("the page has %s", m)
	}
	for name, text := range texts {
		for _, word := range forbidden {
			if strings.Contains(text, word) {
				t.Errorf("%s has %s", name, word)
			}
		}
		if path.Ext(name) == ".css" && strings.Contains(text, "url(") {
			t.Errorf("%s loads something", name)
		}
		for _, found := range regexp.MustCompile(`http://[^'"\s]*`).FindAllString(text, -1) {
			if found != "http://www.w3.org/2000/svg" { // the name of a vocabulary, fetched by nobody
				t.Errorf("%s names %s", name, found)
			}
		}
	}
}

// Goal: whatever the page and the modules ask for is there, and there is nothing that
// nobody asks for.
func TestConsoleFilesAreUsed(t *testing.T) {
	build, files := inConsole(t)
	asked := map[string]bool{}
	want := func(from, name string) {
		asked[name] = true
		if _, ok := files[name]; !ok {
			t.Errorf("%s asks for %s, which is not there", from, name)
		}
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="/console/([^/"]+)/([^"]+)"`).FindAllStringSubmatch(string(newConsole().page), -1) {
		if m[1] != build {
			t.Errorf("the page asks for %s of another build", m[0])
		}
		want("the page", m[2])
	}
	imports := regexp.MustCompile(`(?m)^(?:import|export) [^;]*?from '([^']+)';|^import '([^']+)';`)
	for name, f := range files {
		for _, m := range imports.FindAllStringSubmatch(string(f.body), -1) {
			module, own := strings.CutPrefix(m[1]+m[2], "./")
			if !own {
				t.Errorf("%s imports %q: modules are named by ./ and their file", name, m[1]+m[2])
				continue
			}
			want(name, module)
		}
	}
	for name, f := range files {
		if !asked[name] {
			t.Errorf("nobody asks for %s", name)
		}
		if lines := strings.Count(string(f.body), "\n"); lines > 400 {
			t.Errorf("%s has %d lines: a file is one idea", name, lines)
		}
	}
}

// Goal: every name that a module imports is one that the other exports: a browser would
// show nothing at all otherwise.
func TestConsoleImportsWhatIsExported(t *testing.T) {
	_, files := inConsole(t)
	exported := map[string][]string{}
	export := regexp.MustCompile(`(?m)^export (?:async )?(?:const|let|function\*?|class) (\w+)`)
	for name, f := range files {
		for _, m := range export.FindAllStringSubmatch(string(f.body), -1) {
			exported[name] = append(exported[name], m[1])
		}
	}
	seen := 0
	for name, f := range files {
		for _, m := range regexp.MustCompile(`import \{([^}]*)\} from '\./([^']+)'`).FindAllStringSubmatch(string(f.body), -1) {
			for imported := range strings.SplitSeq(m[1], ",") {
				imported, _, _ = strings.Cut(strings.TrimSpace(imported), " as ")
				seen++
				if imported != "" && !slices.Contains(exported[m[2]], imported) {
					t.Errorf("%s imports %s, which %s does not export", name, imported, m[2])
				}
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d imports were found", seen)
	}
}

// Goal: modules import what they use and nothing else. Method: a name that is imported
// stands somewhere else in the module as well.
func TestConsoleUsesItsImports(t *testing.T) {
	_, files := inConsole(t)
	statement := regexp.MustCompile(`(?m)^import [^;]*;`)
	for name, f := range files {
		rest := statement.ReplaceAllString(string(f.body), "")
		for _, m := range regexp.MustCompile(`import \{([^}]*)\}`).FindAllStringSubmatch(string(f.body), -1) {
			for imported := range strings.SplitSeq(m[1], ",") {
				if _, as, ok := strings.Cut(imported, " as "); ok {
					imported = as
				}
				imported = strings.TrimSpace(imported)
				if imported != "" && !regexp.MustCompile(`\b`+imported+`\b`).MatchString(rest) {
					t.Errorf("%s imports %s and does not use it", name, imported)
				}
			}
		}
	}
}
