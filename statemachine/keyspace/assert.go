package keyspace

import "fmt"

// assertf panics when an invariant of the core does not hold.
func assertf(ok bool, format string, args ...any) {
	if !ok {
		panic("keyspace: " + fmt.Sprintf(format, args...))
	}
}
