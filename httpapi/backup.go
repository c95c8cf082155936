package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// What Backups report beside the errors of a Store.
var (
	// ErrBackupRunning says that a backup is being made: there is one at a time.
	ErrBackupRunning = errors.New("httpapi: a backup is running")
	// ErrNoBackup says that this node has no backup with this id.
	ErrNoBackup = errors.New("httpapi: no such backup")
	// ErrBackupNeeded says that another backup builds on this one.
	ErrBackupNeeded = errors.New("httpapi: another backup builds on this one")
	// ErrBackupCorrupt says that what should be part of a backup is damaged.
	ErrBackupCorrupt = errors.New("httpapi: the backup is damaged")
)

// Backups are the copies that a node keeps of all its data.
type Backups interface {
	// Begin begins to make one, and returns its id; or ErrBackupRunning. It makes a full one
	// if there is none for an incremental one to build on.
	Begin(BackupKind) (id string, err error)
	// List lists those that this node made, oldest first, with the one being made.
	List() ([]Backup, error)
	// Open opens the file of one that is done, or returns ErrNoBackup.
	Open(id string) (io.ReadSeekCloser, error)
	// Remove removes one that is done, or returns ErrNoBackup or ErrBackupNeeded.
	Remove(id string) error
	// Restore gives the records of a part of a backup to the cluster.
	Restore(Restore) (Restored, error)
}

// BackupKind says how much a backup holds.
type BackupKind uint8

// What a backup can hold.
const (
	FullBackup        BackupKind = iota // everything
	IncrementalBackup                   // what has changed since the newest one
)

// Backup is one copy.
type Backup struct {
	ID       string
	State    string // "running", "done" or "failed".
	Time     int64  // Of what it holds, in Unix milliseconds.
	Took     int64  // Milliseconds; 0 if that is not known any more.
	Size     int64  // Of the file, in bytes.
	Verified bool   // Whether it was read again and found sound when it was made.
	Error    string // Why it failed.

	Base string // The id of the one that it builds on, empty for a full one.

	Encrypted                bool  // And so nobody here can count:
	Keys, Tombstones, System int64 // Records.
	Kept                     int64 // Those that the base has.
}

// keepsBackups refuses what makes no sense on a node that keeps no backups.
func (s *Server) keepsBackups() *Problem {
	if s.backups == nil {
		return newProblem(slugNotReady, "this node keeps no backups")
	}
	return nil
}

// backupOf is the id in the path of a download.
func backupOf(path []byte) (id string, ok bool) {
	rest, ok := bytes.CutPrefix(path, []byte("/admin/backups/"))
	name, of := bytes.CutSuffix(rest, []byte("/download"))
	return string(name), ok && of && len(name) > 0 && bytes.IndexByte(name, '/') < 0
}

// serveBackups answers POST and GET /admin/backups.
func (s *Server) serveBackups(x *exchange) *Problem {
	if x.ctx.IsPost() {
		return s.serveNewBackup(x)
	}
	if p := s.keepsBackups(); p != nil {
		return p
	}
	all, err := s.backups.List()
	if err != nil {
		return s.refuse(err, "")
	}
	b := append(x.buf[:0], `{"backups":[`...)
	for i := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = all[i].appendJSON(b)
	}
	x.respond(typeJSON, append(b, ']', '}'))
	return nil
}

func (s *Server) serveNewBackup(x *exchange) *Problem {
	if p := x.query.parse(x.rawQuery, paramIncremental); p != nil {
		return p
	}
	incremental, p := x.query.flag(paramIncremental, "incremental")
	if p != nil {
		return p
	}
	if p := s.keepsBackups(); p != nil {
		return p
	}
	kind := FullBackup
	if incremental {
		kind = IncrementalBackup
	}
	id, err := s.backups.Begin(kind)
	if err != nil {
		return s.refuse(err, "")
	}
	x.key = id
	x.respond(typeJSON, append(appendString(append(x.buf[:0], `{"id":`...), id), `,"state":"running"}`...))
	x.ctx.SetStatusCode(fasthttp.StatusAccepted)
	x.ctx.Response.Header.Set("Location", "/admin/backups/"+id)
	return nil
}

// serveBackup answers GET and DELETE /admin/backups/{id}.
func (s *Server) serveBackup(x *exchange) *Problem {
	if p := s.keepsBackups(); p != nil {
		return p
	}
	if x.ctx.IsDelete() {
		if err := s.backups.Remove(x.key); err != nil {
			return s.refuse(err, x.key)
		}
		x.ctx.SetStatusCode(fasthttp.StatusNoContent)
		return nil
	}
	all, err := s.backups.List()
	if err != nil {
		return s.refuse(err, x.key)
	}
	for i := range all {
		if all[i].ID == x.key {
			x.respond(typeJSON, all[i].appendJSON(x.buf[:0]))
			return nil
		}
	}
	return s.refuse(ErrNoBackup, x.key)
}

// number is a field of an object.
type number struct {
	name  string
	value int64
}

func appendNumbers(dst []byte, all []number) []byte {
	for _, n := range all {
		dst = append(append(append(dst, `,"`...), n.name...), `":`...)
		dst = strconv.AppendInt(dst, n.value, 10)
	}
	return dst
}

func (b *Backup) appendJSON(dst []byte) []byte {
	dst = appendString(append(dst, `{"id":`...), b.ID)
	dst = appendString(append(dst, `,"state":`...), b.State)
	dst = appendNumbers(dst, []number{{"time", b.Time}, {"took_ms", b.Took}, {"size", b.Size}})
	dst = strconv.AppendBool(append(dst, `,"encrypted":`...), b.Encrypted)
	if !b.Encrypted {
		dst = appendNumbers(dst, []number{{"keys", b.Keys}, {"tombstones", b.Tombstones}, {"system", b.System}})
	}
	if b.Base != "" {
		dst = appendString(append(dst, `,"base":`...), b.Base)
		if !b.Encrypted {
			dst = appendNumbers(dst, []number{{"kept", b.Kept}})
		}
	}
	dst = strconv.AppendBool(append(dst, `,"verified":`...), b.Verified)
	if b.Error != "" {
		dst = appendString(append(dst, `,"error":`...), b.Error)
	}
	return append(dst, '}')
}

// serveDownload answers GET /admin/backups/{id}/download, with one range of bytes if that
// is what was asked for (RFC 9110 section 14). It hands out everything, so that, alone
// among reads, it is logged.
func (s *Server) serveDownload(x *exchange) *Problem {
	if p := s.keepsBackups(); p != nil {
		return p
	}
	f, err := s.backups.Open(x.key)
	if err != nil {
		return s.refuse(err, x.key)
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return s.refuse(errors.Join(err, f.Close()), x.key)
	}
	h := &x.ctx.Response.Header
	h.Set("Accept-Ranges", "bytes")
	first, last := int64(0), size-1
	if asked := string(x.ctx.Request.Header.Peek("Range")); asked != "" {
		var ok bool
		if first, last, ok = byteRange(asked, size); !ok {
			f.Close()
			return invalidParameter("Range must be one range of bytes in the file's " + strconv.FormatInt(size, 10) +
				", such as bytes=0-1023, not " + quoted(asked))
		}
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, size))
		x.ctx.SetStatusCode(fasthttp.StatusPartialContent)
	}
	if _, err := f.Seek(first, io.SeekStart); err != nil {
		return s.refuse(errors.Join(err, f.Close()), x.key)
	}
	if err := x.ctx.SetWriteDeadline(time.Now().Add(s.options.WriteTimeout)); err != nil {
		return s.refuse(errors.Join(err, f.Close()), x.key)
	}
	h.SetContentType("application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+x.key+`.kvsbak"`)
	x.ctx.Response.SetBodyStream(&download{
		Reader: io.LimitReader(f, last-first+1), Closer: f, conn: x.ctx.Conn(), patience: s.options.WriteTimeout,
	}, int(last-first+1))
	if s.trail != nil && !x.ctx.IsHead() && first == 0 {
		s.trail.Note(Event{x.actor(), "backup.download", x.key, "", "ok"})
	}
	return nil
}

// byteRange reads "bytes=first-last" and "bytes=first-".
func byteRange(text string, size int64) (first, last int64, ok bool) {
	text, ok = strings.CutPrefix(text, "bytes=")
	from, to, dash := strings.Cut(text, "-")
	first, err1 := strconv.ParseInt(from, 10, 64)
	last, err2 := size-1, error(nil)
	if to != "" {
		last, err2 = strconv.ParseInt(to, 10, 64)
	}
	last = min(last, size-1)
	return first, last, ok && dash && err1 == nil && err2 == nil && 0 <= first && first <= last
}

// download is the file as the client takes it: each chunk has write_timeout.
type download struct {
	io.Reader
	io.Closer
	conn     net.Conn
	patience time.Duration
}

// Read implements io.Reader.
func (d *download) Read(p []byte) (int, error) {
	if err := d.conn.SetWriteDeadline(time.Now().Add(d.patience)); err != nil {
		return 0, err
	}
	return d.Reader.Read(p)
}
