package httpapi

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// Rewind asks to make the keys below a prefix again what they were at a time, by new
// writes.
type Rewind struct {
	Prefix string
	Start  string // where it goes on, empty for the beginning
	At     int64  // Unix milliseconds
	DryRun bool   // only count
	Actor  string
}

// RewoundKey is what became of one key.
type RewoundKey uint8

// What can become of a key.
const (
	KeyUnchanged RewoundKey = iota // it is what it was
	KeyRestored                    // it has its old value again
	KeyDeleted                     // it was not there then
	KeyExpired                     // what it was has expired since
	KeyUnknown                     // what it was is not kept any more: it stays as it is
	KeyBusy                        // others wrote to it all the time
	rewoundKinds
)

// Rewound is what became of the keys that one request looked at.
type Rewound struct {
	Keys   [rewoundKinds]int64
	Names  []string // the first of those that are unknown or busy
	UndoAt int64    // a rewind to this time undoes it; 0 if nothing was written
	Next   string   // where the next request goes on, empty at the end
}

// Count adds one key, and its name if it should be looked at.
func (r *Rewound) Count(key string, done RewoundKey, most int) {
	r.Keys[done]++
	if (done == KeyUnknown || done == KeyBusy) && len(r.Names) < most {
		r.Names = append(r.Names, key)
	}
}

// serveRewind answers POST /admin/rewind.
func (s *Server) serveRewind(x *exchange) *Problem {
	if s.history == nil {
		return newProblem(slugNotReady, "this node keeps no history")
	}
	if p := checkMedia(&x.ctx.Request.Header); p != nil {
		return p
	}
	var in struct {
		Prefix *string `json:"prefix"`
		At     *int64  `json:"at"`
		DryRun bool    `json:"dry_run"`
		Next   string  `json:"next"`
	}
	d := json.NewDecoder(bytes.NewReader(x.ctx.PostBody()))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil || d.More() || in.Prefix == nil || in.At == nil {
		return newProblem(slugInvalidJSON, `the body must be {"prefix":"users/","at":1795348800123}, and may have `+
			`"dry_run":true, and "next" of the answer before; an empty prefix means every key`)
	}
	if now := time.Now().UnixMilli(); *in.At <= 0 || *in.At > now {
		return newProblem(slugInvalidParameter, "at must be a time that has passed, in milliseconds since 1970, not "+
			strconv.FormatInt(*in.At, 10))
	}
	out, err := s.history.Rewind(Rewind{
		Prefix: trimLeadingSlash(*in.Prefix), Start: in.Next, At: *in.At, DryRun: in.DryRun, Actor: x.actor(),
	})
	stopped := ""
	if err != nil {
		p := s.refuse(err, out.Next)
		if out.UndoAt == 0 {
			return p
		}
		stopped = p.Detail // what was written has to be told, or nobody could undo it
	}
	b := strconv.AppendBool([]byte(`{"dry_run":`), in.DryRun)
	for i, name := range [rewoundKinds]string{"unchanged", "restored", "deleted", "expired", "unknown", "busy"} {
		b = append(append(append(b, `,"`...), name...), `":`...)
		b = strconv.AppendInt(b, out.Keys[i], 10)
	}
	b = append(b, `,"look_at":[`...)
	for i, key := range out.Names {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, key)
	}
	b = append(b, ']')
	if out.UndoAt != 0 {
		b = strconv.AppendInt(append(b, `,"undo_at":`...), out.UndoAt, 10)
	}
	if out.Next != "" {
		b = appendString(append(b, `,"next":`...), out.Next)
	}
	if stopped != "" {
		b = appendString(append(b, `,"stopped":`...), stopped)
	}
	x.respond(typeJSON, append(b, '}'))
	return nil
}
