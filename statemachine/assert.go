package statemachine

import "fmt"

// assertf panics when an invariant of the core, or a duty of the shell, does
// not hold.
func assertf(ok bool, format string, args ...any) {
	if !ok {
		panic("statemachine: " + fmt.Sprintf(format, args...))
	}
}
