package httpapi

import (
	"bytes"
	"strconv"

	"github.com/valyala/fasthttp"

	"kvs/internal/backup"
)

// Restore asks to give the records of one frame of a backup to the cluster.
type Restore struct {
	Frame  []byte // As it lies in the file.
	Rewind bool   // Make the keys what they were, instead of adding what is missing.
	Prefix string // Only keys that begin with it.
	Start  string // Where it goes on, empty for the beginning of the frame.
	DryRun bool   // Only count.
	Actor  string
}

// RestoredKey is what became of one key.
type RestoredKey uint8

// What can become of a key.
const (
	RestoreUnchanged RestoredKey = iota // it is what it was
	RestoreWritten                      // it has the value of the backup
	RestoreDeleted                      // the backup does not have it, or has its deletion
	RestoreNewer                        // something newer is there, or was and was deleted
	RestoreExpired                      // what it was has expired since
	RestoreBusy                         // others wrote to it all the time
	restoredKinds
)

// Restored is what became of the keys that one request looked at.
type Restored struct {
	Keys [restoredKinds]int64
	Next string // where the next request with the same frame goes on, empty at its end
}

const paramsRestore = paramMode | paramPrefix | paramStart | paramDryRun

// isRestore says that a request is for /admin/restore, before its body is read.
func isRestore(h *fasthttp.RequestHeader) bool {
	return h.IsPost() && bytes.HasPrefix(h.RequestURI(), []byte("/admin/restore"))
}

func frameTooLarge(actual int64) *Problem {
	p := newProblem(slugBodyTooLarge, "a frame of a backup has at most "+strconv.Itoa(backup.FrameBytesMax)+
		" bytes; kvs restore sends a file frame by frame")
	p.Limit, p.Actual = backup.FrameBytesMax, actual
	return p
}

// serveRestore answers POST /admin/restore.
func (s *Server) serveRestore(x *exchange) *Problem {
	if p := x.query.parse(x.rawQuery, paramsRestore); p != nil {
		return p
	}
	if p := s.keepsBackups(); p != nil {
		return p
	}
	r := Restore{Prefix: x.query.value(paramPrefix), Start: x.query.value(paramStart), Actor: x.actor()}
	var p *Problem
	if r.DryRun, p = x.query.flag(paramDryRun, "dry_run"); p != nil {
		return p
	}
	switch mode := x.query.value(paramMode); mode {
	case "merge":
	case "rewind":
		r.Rewind = true
	default:
		return invalidParameter("mode must be merge or rewind, not " + quoted(mode))
	}
	if r.Frame = x.ctx.PostBody(); len(r.Frame) > backup.FrameBytesMax {
		return frameTooLarge(int64(len(r.Frame)))
	}
	out, err := s.backups.Restore(r)
	if err != nil {
		return s.refuse(err, out.Next)
	}
	b := strconv.AppendBool(append(x.buf[:0], `{"dry_run":`...), r.DryRun)
	for i, name := range [restoredKinds]string{"unchanged", "written", "deleted", "newer", "expired", "busy"} {
		b = append(append(append(b, `,"`...), name...), `":`...)
		b = strconv.AppendInt(b, out.Keys[i], 10)
	}
	if out.Next != "" {
		b = appendString(append(b, `,"next":`...), out.Next)
	}
	x.respond(typeJSON, append(b, '}'))
	return nil
}
