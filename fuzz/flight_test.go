package fuzz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"log/slog"
	"testing"

	"kvs/internal/flight"
	"kvs/sim"
	"kvs/statemachine"
)

// FuzzRecording reads hostile recordings: whatever the bytes, a Reader neither panics nor
// takes more memory than it may. Method: the payloads of the blocks are made up, and their
// checksums right, or nothing would get past these.
func FuzzRecording(f *testing.F) {
	head, state, steps := aRecording(f)
	f.Add(state, steps[:512]) // short, as a fuzzer is slow with long ones
	f.Add(state, steps[:4096])
	f.Add([]byte{}, steps[:512])
	f.Fuzz(func(t *testing.T, state, steps []byte) {
		all := block(nil, 'S', head)
		all = block(all, 'C', state)
		all = block(all, 'R', steps)
		in := flight.NewReader(bytes.NewReader(all))
		in.Memory = 8 << 20
		segment, err := in.Next()
		if err != nil {
			wantMalformed(t, err)
			return
		}
		for {
			step, err := segment.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				wantMalformed(t, err)
				return
			}
			if step.Input == nil {
				t.Fatal("a step without an input")
			}
		}
	})
}

func wantMalformed(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, flight.ErrMalformed) {
		t.Fatal(err)
	}
}

// block frames a payload as a Recorder does.
func block(b []byte, kind byte, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	sum := crc32.Checksum(append([]byte{kind}, payload...), crc32.MakeTable(crc32.Castagnoli))
	return append(append(binary.BigEndian.AppendUint32(b, sum), kind), payload...)
}

// aRecording is the first payload of each kind of what a simulated node recorded.
func aRecording(f *testing.F) (head, state, steps []byte) {
	r := flight.Open(flight.Options{Dir: f.TempDir(), Bytes: 1 << 20, Logger: slog.New(slog.DiscardHandler)})
	o := sim.Swarm(1)
	o.CrashEvery, o.DisasterEvery, o.OperateEvery, o.Duration = 0, 0, 0, 5_000
	o.Stepper = func(host int) sim.Stepper {
		if host != 0 {
			return (*statemachine.Node).Step
		}
		return r.Step
	}
	sim.Play(o)
	if err := r.Close(); err != nil {
		f.Fatal(err)
	}
	in, err := r.Recording()
	if err != nil {
		f.Fatal(err)
	}
	all, err := io.ReadAll(in)
	if err = errors.Join(err, in.Close()); err != nil {
		f.Fatal(err)
	}
	found := map[byte][]byte{}
	for len(all) > 0 {
		size := int(binary.BigEndian.Uint32(all))
		if kind := all[8]; found[kind] == nil {
			found[kind] = all[9 : 9+size]
		}
		all = all[9+size:]
	}
	return found['S'], found['C'], found['R']
}
