package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"kvs/internal/auth"
)

// patchTriesMax bounds how often a PATCH begins anew because somebody else has
// written meanwhile.
const patchTriesMax = 16

// patch answers PATCH: a JSON merge patch (RFC 7396), as a read and a write under the
// condition that the version read is still there. What the patch does not name keeps
// its spelling and place, and the key its expiry unless ?ttl says another. With ?ttl and
// no body it is a touch: the value stays as it is, and a key that is absent stays so.
func (s *Server) patch(x *exchange) *Problem {
	body, ttl, p := s.body(x)
	if p != nil {
		return p
	}
	if len(body) == 0 && ttl != TTLDefault {
		body = nil // a touch
	} else {
		var scan scanner
		if p := scan.scan(body); p != nil {
			return p
		}
	}
	asked := x.conditions
	for range patchTriesMax {
		w, p := s.patched(x, body, ttl)
		if p != nil {
			return p
		}
		if p := s.beginWrite(x, &w); p != nil {
			return p
		}
		done, err := s.store.Write(w)
		switch {
		case err == nil:
			s.answerWritten(x, done)
			return nil
		case x.creates || !errors.Is(err, ErrPrecondition) || !permits(asked, done):
			return s.unfinished(x, done, err)
		}
	}
	return newProblem(slugOverloaded, "others wrote "+quoted(x.key)+" each time before this patch could; nothing was stored")
}

// permits says whether conditions hold for what is stored.
func permits(asked []Match, there Written) bool {
	for i := range asked {
		if m := &asked[i]; there.Existed && !m.holds(there.UUID) || !there.Existed && !m.Not {
			return false
		}
	}
	return true
}

// patched is the write that a patch of the present version comes to, of a touch if
// patch is nil. It gives a key that it creates its rights.
func (s *Server) patched(x *exchange, patch []byte, ttl TTL) (w Write, p *Problem) {
	w = Write{Key: x.key, TTL: ttl, If: x.conditions, Actor: x.actor()}
	var before []byte
	err := s.store.View(x.key, func(r Record) {
		before = bytes.Clone(r.Data)
		w.If = append(w.If[:len(w.If):len(w.If)], Match{Versions: [][16]byte{r.UUID}})
		if ttl == TTLDefault {
			w.TTL = remaining(r.ExpiresAt)
		}
	})
	switch {
	case errors.Is(err, ErrNotFound) && patch == nil:
		if s.guard != nil && !s.may(x, auth.OpRead, x.key) {
			err = ErrNotFound // and no word of what was there
		}
		return w, s.refuse(err, x.key)
	case errors.Is(err, ErrNotFound):
		if x.absent || s.guard == nil || x.caller.isAdmin() {
			w.If = append(w.If[:len(w.If):len(w.If)], Match{Any: true, Not: true})
			break
		}
		return w, s.refuse(ErrNotFound, x.key) // it was there when the caller's rights were judged
	case err != nil:
		return w, s.refuse(err, x.key)
	}
	if x.creates {
		if before != nil {
			return w, newProblem(slugOverloaded, "somebody else has created "+quoted(x.key)+" just now; nothing was stored")
		}
		if p := s.giveRights(x); p != nil {
			return w, p
		}
	}
	if w.Value = before; patch == nil {
		return w, nil
	}
	w.Value = mergePatch(before, patch)
	if len(w.Value) > x.maxJSON {
		return w, x.tooLarge(int64(len(w.Value)))
	}
	var scan scanner
	return w, scan.scan(w.Value) // a patch in a patch may be too deep
}

// remaining is the TTL of what expires at a time.
func remaining(at int64) TTL {
	if at == 0 {
		return TTLNever
	}
	return TTL(max(at-time.Now().UnixMilli(), 1))
}

// field is one member of an object, as it is spelled.
type field struct {
	name  string
	value json.RawMessage
}

// fields splits an object. ok is false for any other JSON text. Of two members of one
// name the last counts.
func fields(text []byte) (out []field, ok bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	for d.More() {
		t, err := d.Token()
		name, isName := t.(string)
		var f field
		if err != nil || !isName || d.Decode(&f.value) != nil {
			return nil, false
		}
		f.name = name
		out = set(out, f)
	}
	return out, true
}

// set replaces the member of a name, or adds it at the end.
func set(fs []field, f field) []field {
	for i := range fs {
		if fs[i].name == f.name {
			fs[i] = f
			return fs
		}
	}
	return append(fs, f)
}

// mergePatch is MergePatch of RFC 7396 section 2. Both texts are valid; a nil target
// is an absent one.
func mergePatch(target, patch []byte) []byte {
	changes, ok := fields(patch)
	if !ok {
		return patch
	}
	merged, _ := fields(target)
	for _, c := range changes {
		if string(c.value) == "null" {
			merged = drop(merged, c.name)
			continue
		}
		var old []byte
		for _, f := range merged {
			if f.name == c.name {
				old = f.value
			}
		}
		merged = set(merged, field{c.name, mergePatch(old, c.value)})
	}
	out := []byte{'{'}
	for i, f := range merged {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(appendString(out, f.name), ':'), f.value...)
	}
	return append(out, '}')
}

func drop(fs []field, name string) []field {
	for i := range fs {
		if fs[i].name == name {
			return append(fs[:i:i], fs[i+1:]...)
		}
	}
	return fs
}
