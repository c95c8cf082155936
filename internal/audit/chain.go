package audit

// chain is what is known of a log up to some line: enough to say whether the
// next line may follow. The writer has one, and so has every reader.
type chain struct {
	replica ReplicaID
	start   uint64 // the number of the first entry, of all segments that were seen
	last    uint64 // the number of the last entry; start-1 if there was none
	head    Hash   // the hash of the last entry; zero if it was not seen
	tip     Hash   // the hash of the last line
	kind    kind   // what the last line was
	signed  uint64 // the number in the last checkpoint; start-1 if there was none
	latest  Checkpoint
}

// advance takes note of a line that follows.
func (c *chain) advance(l *line) {
	switch l.kind {
	case kindHeader:
		if c.kind == kindNone {
			c.replica, c.start = l.header.replica, l.header.first
			c.last, c.signed = c.start-1, c.start-1
		}
	case kindEntry:
		c.last, c.head = l.entry.Number, l.hash
	case kindCheckpoint:
		l.checkpoint.Replica = c.replica
		c.signed, c.latest = l.checkpoint.Number, l.checkpoint
		if c.last < c.start {
			c.head = l.checkpoint.Head
		}
	}
	c.tip, c.kind = l.hash, l.kind
}

// next checks a line that is not the first of its file, and takes note of it. It
// leaves the signature of a checkpoint to the caller.
func (c *chain) next(raw []byte) (l line, f *Finding) {
	l, err := parseLine(raw)
	expected := c.last + 1
	switch {
	case err != nil && l.kind == kindCheckpoint:
		return l, found(c.last, c.last, "this checkpoint %v", err)
	case err != nil:
		return l, found(expected, expected, "this line %v", err)
	case l.kind == kindHeader:
		return l, found(expected, expected, "the first line of a file stands in the middle of one")
	case l.kind == kindEntry:
		f = c.checkEntry(&l)
	case l.kind == kindCheckpoint:
		f = c.checkCheckpoint(&l)
	}
	if f == nil && l.prev != c.tip {
		f = found(max(c.last, c.start), expected, "this line does not follow from the one before it, "+
			"which was changed, put in or taken out, with its hash made to fit")
	}
	if f == nil {
		c.advance(&l)
	}
	return l, f
}

func (c *chain) checkEntry(l *line) *Finding {
	n, expected := l.entry.Number, c.last+1
	switch {
	case n > expected:
		return found(expected, n-1, "entry %d follows entry %d: what was between is missing", n, c.last)
	case n < expected:
		return found(expected, expected, "entry %d follows entry %d: it stands twice or in the wrong "+
			"place", n, c.last)
	case n > c.signed+EntriesPerCheckpoint:
		return found(c.signed+1, n, "there is no checkpoint after %d entries: it was taken out",
			EntriesPerCheckpoint)
	}
	return nil
}

func (c *chain) checkCheckpoint(l *line) *Finding {
	switch k := &l.checkpoint; {
	case k.Number > c.last:
		return found(c.last+1, k.Number, "a checkpoint of entry %d follows entry %d: what was between "+
			"is missing", k.Number, c.last)
	case k.Number < c.last:
		return found(c.last, c.last, "a checkpoint of entry %d follows entry %d: it stands in the "+
			"wrong place", k.Number, c.last)
	case c.last >= c.start && k.Head != c.head:
		return found(c.signed+1, c.last, "the checkpoint names another hash of entry %d", k.Number)
	}
	return nil
}

// open checks the first line of a file whose name says that it begins with entry
// named, and takes note of it.
func (c *chain) open(raw []byte, named uint64) (l line, f *Finding) {
	l, err := parseLine(raw)
	expected := c.last + 1
	if c.kind == kindNone {
		expected = named
	}
	h := &l.header
	switch {
	case err != nil:
		return l, found(expected, expected, "the first line of the file %v", err)
	case l.kind != kindHeader:
		return l, found(expected, expected, "the file does not begin with a header: its beginning is "+
			"missing")
	case h.first != named:
		return l, found(min(named, h.first), max(named, h.first),
			"the file has the name of one that begins with entry %d, but begins with entry %d", named,
			h.first)
	case h.first == 0:
		return l, found(0, 0, "the file begins with entry 0, which does not exist")
	case h.first == 1 && l.prev != Hash{}:
		return l, found(1, 1, "the first file follows from another one")
	case c.kind != kindNone:
		f = c.checkSuccessor(&l)
	}
	if f == nil {
		c.advance(&l)
	}
	return l, f
}

func (c *chain) checkSuccessor(l *line) *Finding {
	h, expected := &l.header, c.last+1
	switch {
	case h.first > expected:
		return found(expected, h.first-1, "the file begins with entry %d, but the one before it ends "+
			"with entry %d: what was between is missing", h.first, c.last)
	case h.first < expected:
		return found(expected, expected, "the file begins with entry %d, but the one before it ends "+
			"with entry %d", h.first, c.last)
	case h.replica != c.replica:
		return found(expected, expected, "the file is from the log of replica %s, those before it are "+
			"of %s", h.replica, c.replica)
	case l.prev != c.tip:
		return found(max(c.last, c.start), expected, "the file does not follow from the one before "+
			"it: one of them was changed, exchanged or cut off at the end")
	case c.kind != kindCheckpoint:
		return found(c.signed+1, c.last, "the file before this one does not end with a checkpoint")
	}
	return nil
}
