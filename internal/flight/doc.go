// Package flight records what a node's core was told, so that the same core can
// be run again on it, step by step, elsewhere and later.
//
// A recording is a sequence of segments. Each begins with a checkpoint, which is
// all of the core's state, and goes on with steps: the time, the input, and a
// hash of every effect. Replay steps the same core through them and compares the
// hashes. Where one differs, the core depends on something beside its inputs, or
// is another than the one that was recorded.
//
// # What it owns
//
//   - The Recorder stands between a driver and Node.Step. It encodes at once, as
//     inputs may change later, and leaves the disk to a goroutine of its own.
//   - The files are a ring: the oldest segments go as new ones come, so that all
//     together never take more than Options.Bytes.
//   - Types are walked by reflection (plan.go): what the core keeps is recorded
//     whole, with nobody to forget a field. The price is that a recording is read
//     only by a build whose core has the same types, which its fingerprint says.
//
// # What it never does
//
// It never holds up a step for the disk: who is too slow loses steps, and the
// next segment says how many. It keeps no values: of bytes it writes the length
// and a hash under a key that is drawn at the start and kept nowhere. Keys of
// records and names of members are kept as they are.
//
// # Invariants
//
//   - Within a segment no step is missing, and segments of one run follow each
//     other without a gap unless Header.Missed says so.
//   - What hostile bytes can make a Reader allocate is bounded by MemoryMax.
package flight
