package sim

import "encoding/binary"

// Shown plays the script, as Play does, and returns what all hosts show in the end: by
// key the number of the write whose value is there. Writes are numbered from 1 in the
// order in which they are made, deletions too. What is shown after a failure means
// nothing.
func (s *Script) Shown() (shown map[string]uint64, r Result) {
	shown = map[string]uint64{}
	r = guard(s.Options, func() *World {
		w := s.world()
		w.ended = func() {
			for key, rec := range w.visible(w.hosts[0]) { // order cannot matter: each key is its own
				shown[key] = binary.BigEndian.Uint64([]byte(rec.value))
			}
		}
		return w
	})
	return shown, r
}
