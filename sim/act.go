package sim

import "slices"

// Act is one thing that somebody does to a cluster at a virtual time: an operation
// of a client or an operator, or a fault. Worlds draw acts from their seed, or take
// them from a script.
type Act struct {
	At Millis
	// After is how many events of that very millisecond come before it.
	After int
	Kind  ActKind
	Hosts []int   // whom it is done to, by index
	Args  []int64 // one for each field of the kind; of a burst several times as many
	Text  string  // the record of rights that is written
}

// ActKind says what is done.
type ActKind string

// The kinds of acts.
const (
	ActWrite   ActKind = "write"   // a client writes, or deletes; several times in a burst
	ActRights  ActKind = "rights"  // a client writes a record of users, groups or rights
	ActSession ActKind = "session" // a session reads or writes
	ActFollow  ActKind = "follow"  // a follower reads a few changes
	ActLookup  ActKind = "lookup"  // a client reads what the host may not have yet
	ActAsk     ActKind = "ask"     // somebody compares a host with another
	ActLeave   ActKind = "leave"   // an operator takes a host out
	ActForget  ActKind = "forget"  // an operator forgets a replica; with one host, thinks better of it
	ActCut     ActKind = "cut"     // a link is cut, or one direction of it
	ActClog    ActKind = "clog"    // what is sent over one direction of a link waits
	ActCrash   ActKind = "crash"   // a host loses power; midway: when its next batch is not synced yet
	ActPause   ActKind = "pause"   // a host stands still
	ActSlow    ActKind = "slow"    // a host reads one message at a time
	ActSkew    ActKind = "skew"    // a host's clock is set
	ActWipe    ActKind = "wipe"    // a host loses its disk
	ActSetBack ActKind = "setback" // a host gets an old copy of its disk
	ActClone   ActKind = "clone"   // a host gets a copy of another's disk
	ActBackUp  ActKind = "backup"  // a host's disk is copied
	ActMistake ActKind = "mistake" // a host starts with a wrong setting
	ActSwap    ActKind = "swap"    // a client writes if a key has the version that it has seen, or another
	ActRot     ActKind = "rot"     // a record on a host's disk is damaged: unreadable, changed or gone
)

// actForm is how acts of one kind are written down, and what they count as.
type actForm struct {
	fields []string
	hosts  int
	fault  bool // else an operation
}

// actForms are the forms of all kinds. Fields that are zero need not be written.
var actForms = map[ActKind]actForm{
	ActWrite:   {[]string{"key", "delete", "size", "ttl"}, 1, false},
	ActRights:  {[]string{"key", "delete"}, 1, false},
	ActSession: {[]string{"who", "key", "does", "n"}, 1, false},
	ActFollow:  {[]string{"who", "limit"}, 1, false},
	ActLookup:  {[]string{"key"}, 1, false},
	ActAsk:     {[]string{"does"}, 2, false},
	ActLeave:   {[]string{"all"}, 1, false},
	ActForget:  {[]string{"life"}, 2, false},
	ActCut:     {[]string{"oneway", "for"}, 2, true},
	ActClog:    {[]string{"for"}, 2, true},
	ActCrash:   {[]string{"for", "midway"}, 1, true},
	ActPause:   {[]string{"for"}, 1, true},
	ActSlow:    {[]string{"by", "for"}, 1, true},
	ActSkew:    {[]string{"by"}, 1, true},
	ActWipe:    {[]string{"for"}, 1, true},
	ActSetBack: {[]string{"sidecar", "for"}, 1, true},
	ActClone:   {[]string{"for"}, 2, true},
	ActBackUp:  {nil, 1, true},
	ActMistake: {[]string{"as", "for"}, 1, true},
	ActSwap:    {[]string{"key", "seen"}, 1, false},
	ActRot:     {[]string{"key", "as"}, 1, true},
}

// Count is how many operations and faults an act is: each write of a burst counts.
func (a *Act) Count() int {
	if a.Kind == ActWrite {
		return len(a.Args) / len(actForms[ActWrite].fields)
	}
	return 1
}

// act does something now, and writes it down if there is a script to write.
func (w *World) act(kind ActKind, hosts []int, args ...int64) { w.actText("", kind, hosts, args...) }

func (w *World) actText(text string, kind ActKind, hosts []int, args ...int64) {
	w.perform(&Act{At: w.now, After: w.within, Kind: kind, Hosts: hosts, Args: args, Text: text})
}

// perform does what an act says, if its hosts can have it done to them.
func (w *World) perform(a *Act) {
	h := w.hosts[a.Hosts[0]]
	if !actForms[a.Kind].fault && (!h.up || h.still) {
		return
	}
	if w.script != nil {
		w.script.wrote.Acts = append(w.script.wrote.Acts, *a)
	}
	w.film.act(a)
	arg := func(i int) Millis { return Millis(a.Args[i]) }
	switch a.Kind {
	case ActWrite:
		w.clients.perform(h, a.Args)
	case ActRights:
		w.rights.perform(h, int(arg(0)), arg(1) != 0, a.Text)
	case ActSession:
		w.sessions.perform(h, a.Args)
	case ActFollow:
		w.followers.read(&w.followers.each[arg(0)%followersCount], h, int(max(arg(1), 1)))
	case ActSwap:
		w.clients.swap(h, key(a.Args[0]), a.Args[1] != 0)
	case ActLookup:
		w.readers.perform(h, key(a.Args[0]))
	case ActAsk:
		w.askers.perform(h, w.hosts[a.Hosts[1]].id, int(arg(0)))
	case ActLeave, ActForget:
		w.operators.perform(h, a)
	case ActCut:
		w.faults.cut(h, w.hosts[a.Hosts[1]], arg(0) != 0, arg(1))
	case ActClog:
		w.net.clog(h, w.hosts[a.Hosts[1]], arg(0))
	default:
		w.strike(h, a)
	}
}

// strike does a fault to one host.
func (w *World) strike(h *host, a *Act) {
	arg := func(i int) Millis { return Millis(a.Args[i]) }
	switch a.Kind {
	case ActCrash:
		if h.midway = arg(1) != 0; h.midway {
			h.downFor = arg(0)
			return
		}
		w.faults.crashFor(h, arg(0))
	case ActPause:
		w.faults.pauseFor(h, arg(0))
	case ActSlow:
		w.faults.slowFor(h, arg(0), arg(1))
	case ActSkew:
		h.setSkew(arg(0))
	case ActWipe:
		w.faults.wipe(h, arg(0))
	case ActSetBack:
		w.faults.setBack(h, arg(0) != 0, arg(1))
	case ActClone:
		w.faults.clone(h, w.hosts[a.Hosts[1]], arg(0))
	case ActMistake:
		w.faults.mistakeFor(h, a.Args[0], arg(1))
	case ActRot:
		w.faults.rotAt(h, key(a.Args[0]), a.Args[1])
	case ActBackUp:
		h.backup, h.sidecar = h.disk.Durable(), h.known
	}
}

// of lists the indexes of hosts.
func of(hosts ...*host) []int {
	is := make([]int, len(hosts))
	for i, h := range hosts {
		is[i] = h.index
	}
	return is
}

// touches says that an act is about a host.
func (a *Act) touches(host int) bool { return slices.Contains(a.Hosts, host) }
