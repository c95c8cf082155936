package main

// demoContextName is the context that a demo offers while it runs.
const demoContextName = "demo"

// offerContext keeps a context until forget is called, and does not put it in use. It says
// whether that went well: a demo does without.
func offerContext(name string, c nodeContext) (forget func(), kept bool) {
	known, err := openContexts()
	if err != nil {
		return func() {}, false
	}
	known.Named[name] = c
	if known.save() != nil {
		return func() {}, false
	}
	return func() {
		// Another demo may have begun since: its context stays.
		if now, err := openContexts(); err == nil && now.Named[name] == c {
			now.remove(name)
			_ = now.save() // it names a token that is gone, no more
		}
	}, true
}
