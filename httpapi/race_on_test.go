//go:build race

package httpapi

// raceEnabled says that sync.Pool drops items at random, so that allocation
// counts mean nothing.
const raceEnabled = true
