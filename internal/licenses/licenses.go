package licenses

import _ "embed"

//go:embed licenses.txt
var text []byte

// Text is all licences, as text in UTF-8. It must not be changed.
func Text() []byte { return text }
