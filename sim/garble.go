package sim

import "slices"

// garbled is what a broken or a hostile sender may make of bytes: one of them is
// another, or the end is missing. Whoever reads it must refuse it or take it for
// something else; that it breaks on it is what would be noticed. Nothing is drawn, so
// that worlds stay what they were.
func (w *World) garbled(b []byte) []byte {
	w.count.garbled++
	n := w.count.garbled
	if len(b) == 0 {
		return nil
	}
	b = slices.Clone(b)
	at := n * 7_919 % len(b)
	if n%5 == 0 {
		return b[:at]
	}
	b[at] ^= 1 << (n % 8)
	return b
}
