package audit

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// ErrTampered is behind every Finding: the log is not the one that was written.
var ErrTampered = errors.New("the audit log was changed")

// Finding is the first thing that is wrong with a log. It is an error that wraps
// ErrTampered.
type Finding struct {
	// First and Last are the entries among which the change is. They are the
	// same where the line itself gives it away; where only a later hash or
	// signature does, First is the first entry that may have been changed.
	// Invariant: First <= Last.
	First, Last uint64

	// File and Line are where it shows. Line counts from 1, and is 0 if the file
	// as a whole is concerned, or was not read from its beginning; File is empty
	// if no one file is concerned.
	File string
	Line int

	// What says what is wrong there, in words.
	What string
}

// Error says where the finding is and what is wrong.
func (f *Finding) Error() string {
	var b strings.Builder
	b.WriteString(ErrTampered.Error())
	if f.First == f.Last {
		fmt.Fprintf(&b, " at entry %d", f.First)
	} else {
		fmt.Fprintf(&b, " between entries %d and %d", f.First, f.Last)
	}
	if f.File != "" {
		fmt.Fprintf(&b, ", file %s", filepath.Base(f.File))
	}
	if f.Line > 0 {
		fmt.Fprintf(&b, ", line %d", f.Line)
	}
	return b.String() + ": " + f.What
}

// Unwrap makes every finding an ErrTampered.
func (f *Finding) Unwrap() error { return ErrTampered }

// found is a finding whose place is not known yet.
func found(first, last uint64, format string, args ...any) *Finding {
	return &Finding{First: min(first, last), Last: last, What: fmt.Sprintf(format, args...)}
}

// at adds the place.
func (f *Finding) at(file string, lineNumber int) *Finding {
	f.File, f.Line = file, lineNumber
	return f
}
