package sim

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// scriptHeader is the first line of every script. The number is raised when old
// scripts would mean something else.
const scriptHeader = "kvs sim script 1"

// scriptBytesMax bounds a script that is read.
const scriptBytesMax = 64 << 20

// WriteTo writes the script as text: a line for each act and fate, in the order of
// their times.
func (s *Script) WriteTo(out io.Writer) (int64, error) {
	w := bufio.NewWriter(out)
	n := 0
	line := func(format string, args ...any) {
		k, _ := fmt.Fprintf(w, format+"\n", args...) // Flush says what failed
		n += k
	}
	line(scriptHeader)
	if s.Failed != "" {
		line("failed %s", s.Failed)
	}
	for _, l := range optionLines(&s.Options) {
		line("with %s", l)
	}
	if s.Until > 0 {
		line("until %d", s.Until)
	}
	if len(s.Core) > 0 {
		line("core%s", hostWords(s.Core))
	}
	if len(s.Dead) > 0 {
		line("dead%s", hostWords(s.Dead))
	}
	for i := range s.Acts {
		line("%s", s.Acts[i].String())
	}
	for i := range s.Fates {
		line("%s", s.Fates[i].String())
	}
	return int64(n), w.Flush()
}

// String prints the script.
func (s *Script) String() string {
	var b strings.Builder
	_, _ = s.WriteTo(&b) // a builder takes all
	return b.String()
}

func hostWords(hosts []int) (words string) {
	for _, h := range hosts {
		words += " n" + strconv.Itoa(h)
	}
	return words
}

// String prints the act on one line: when, what, to whom, and how.
func (a *Act) String() string {
	b := strconv.AppendInt(nil, int64(a.At), 10)
	if a.After > 0 {
		b = strconv.AppendInt(append(b, '.'), int64(a.After), 10)
	}
	b = append(append(append(b, ' '), a.Kind...), hostWords(a.Hosts)...)
	return string(a.appendArgs(b))
}

// appendArgs prints the fields that are not zero, and a + before each further write of
// a burst.
func (a *Act) appendArgs(b []byte) []byte {
	fields := actForms[a.Kind].fields
	for i, v := range a.Args {
		if i > 0 && i%len(fields) == 0 {
			b = append(b, " +"...)
		}
		if v != 0 {
			b = append(append(append(b, ' '), fields[i%len(fields)]...), '=')
			b = strconv.AppendInt(b, v, 10)
		}
	}
	if a.Text != "" {
		b = append(append(b, ' '), a.Text...)
	}
	return b
}

// String prints the fate on one line.
func (f *Fate) String() string {
	b := append(append([]byte("fate "), f.Kind...), hostWords([]int{f.From, f.To})...)
	if f.Kind == FateSend {
		b = append(append(b, ' '), messageName(f.Message)...)
	}
	b = strconv.AppendInt(append(b, ' '), int64(f.Nth), 10)
	b = append(b, " ="...)
	for _, v := range f.Values {
		b = strconv.AppendInt(append(b, ' '), v, 10)
	}
	return string(b)
}

// ReadScript reads what WriteTo wrote, or somebody has edited since. An error names
// the line.
func ReadScript(in io.Reader) (*Script, error) {
	s := &Script{}
	lines := bufio.NewScanner(io.LimitReader(in, scriptBytesMax))
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() || lines.Text() != scriptHeader {
		return nil, fmt.Errorf("line 1: want %q, have %q", scriptHeader, lines.Text())
	}
	for n := 2; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if err := s.readLine(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(s.Acts, func(a, b Act) int { return cmp.Compare(a.At, b.At) })
	return s, s.check()
}

func (s *Script) readLine(line string) (err error) {
	first, rest, _ := strings.Cut(line, " ")
	switch first {
	case "failed":
		s.Failed = rest
	case "with":
		return setOptions(&s.Options, rest)
	case "until":
		var at int64
		at, err = strconv.ParseInt(rest, 10, 64)
		s.Until = Millis(at)
	case "core":
		s.Core, _, err = readHosts(strings.Fields(rest))
	case "dead":
		s.Dead, _, err = readHosts(strings.Fields(rest))
	case "fate":
		var f Fate
		f, err = readFate(strings.Fields(rest))
		s.Fates = append(s.Fates, f)
	default:
		var a Act
		a, err = readAct(first, rest)
		s.Acts = append(s.Acts, a)
	}
	return err
}

// check checks that everything is about hosts that there are.
func (s *Script) check() error {
	if s.Options.Nodes < 1 || s.Options.Nodes > NodesMax {
		return fmt.Errorf("with Nodes=%d: want 1 to %d", s.Options.Nodes, NodesMax)
	}
	if s.Options.ClockGrain < 1 {
		return fmt.Errorf("with ClockGrain=%d: want at least 1 ms", s.Options.ClockGrain)
	}
	hosts := append(slices.Clone(s.Core), s.Dead...)
	if err := s.checkFigures(); err != nil {
		return err
	}
	for _, a := range s.Acts {
		hosts = append(hosts, a.Hosts...)
		if a.Kind == ActRights && a.Args[1] == 0 && !json.Valid([]byte(a.Text)) {
			return fmt.Errorf("%v: no record of rights", &a)
		}
	}
	for _, f := range s.Fates {
		hosts = append(hosts, f.From, f.To)
	}
	for _, h := range hosts {
		if h < 0 || h >= s.Options.Nodes {
			return fmt.Errorf("there is no n%d: with Nodes=%d", h, s.Options.Nodes)
		}
	}
	return nil
}

// figureMax bounds every figure of an act or a fate, random words apart, and
// valueMax those that are the length of a value.
const (
	figureMax = 1 << 40
	valueMax  = 1 << 20
)

func (s *Script) checkFigures() error {
	per := len(actForms[ActWrite].fields)
	for i := range s.Acts {
		a := &s.Acts[i]
		for k, v := range a.Args {
			if v > figureMax || v < -figureMax || a.Kind == ActWrite && k%per == 2 && v > valueMax {
				return fmt.Errorf("%v: %d is too much", a, v)
			}
		}
		if len(a.Args) > per*keyspace.BatchWritesMax {
			return fmt.Errorf("at %d: a burst of %d writes, at most %d", a.At, a.Count(), keyspace.BatchWritesMax)
		}
	}
	for i := range s.Fates {
		f := &s.Fates[i]
		for _, v := range f.Values {
			bad := v < 0 && f.Kind != FateDial || v > figureMax || f.Kind == FateMust && v > valueMax
			if bad && f.Kind != FateStart {
				return fmt.Errorf("%v: a figure of 0 to %d", f, int64(figureMax))
			}
		}
	}
	return nil
}

// readHosts reads the words that name hosts, up to the first that does not.
func readHosts(words []string) (hosts []int, rest []string, err error) {
	for i, w := range words {
		number, ok := strings.CutPrefix(w, "n")
		h, bad := strconv.Atoi(number)
		if !ok || bad != nil {
			return hosts, words[i:], nil
		}
		hosts = append(hosts, h)
	}
	return hosts, nil, nil
}

func readAct(when, rest string) (a Act, err error) {
	at, after, _ := strings.Cut(when, ".")
	ms, err := strconv.ParseInt(at, 10, 64)
	if err != nil || ms < 0 {
		return a, fmt.Errorf("%q is no time in milliseconds", when)
	}
	a.At = Millis(ms)
	if after != "" {
		if a.After, err = strconv.Atoi(after); err != nil {
			return a, fmt.Errorf("%q is no time in milliseconds", when)
		}
	}
	if i := strings.IndexByte(rest, '{'); i >= 0 {
		rest, a.Text = rest[:i], rest[i:]
	}
	words := strings.Fields(rest)
	if len(words) == 0 {
		return a, fmt.Errorf("nothing is done at %s", when)
	}
	a.Kind = ActKind(words[0])
	form, known := actForms[a.Kind]
	if !known {
		return a, fmt.Errorf("unknown act %q", a.Kind)
	}
	a.Hosts, words, _ = readHosts(words[1:])
	if n := len(a.Hosts); n != form.hosts && (a.Kind != ActForget || n != 1) {
		return a, fmt.Errorf("%s is done to %d hosts, not %d", a.Kind, form.hosts, n)
	}
	return a, a.readArgs(form, words)
}

func (a *Act) readArgs(form actForm, words []string) error {
	a.Args = make([]int64, len(form.fields))
	for _, w := range words {
		if w == "+" && a.Kind == ActWrite {
			a.Args = append(a.Args, make([]int64, len(form.fields))...)
			continue
		}
		name, value, _ := strings.Cut(w, "=")
		i := slices.Index(form.fields, name)
		v, err := strconv.ParseInt(value, 10, 64)
		if i < 0 || err != nil || v < 0 && a.Kind != ActSkew {
			return fmt.Errorf("%q: %s takes %s", w, a.Kind, strings.Join(form.fields, ", "))
		}
		a.Args[len(a.Args)-len(form.fields)+i] = v
	}
	return nil
}

func readFate(words []string) (f Fate, err error) {
	if len(words) == 0 {
		return f, fmt.Errorf("a fate of nothing")
	}
	f.Kind = FateKind(words[0])
	hosts, words, _ := readHosts(words[1:])
	if len(hosts) != 2 {
		return f, fmt.Errorf("fate %s: want two hosts", f.Kind)
	}
	f.From, f.To = hosts[0], hosts[1]
	if f.Kind == FateSend && len(words) > 0 {
		if f.Message = messageKind(words[0]); f.Message == 0 {
			return f, fmt.Errorf("fate send: unknown message %q", words[0])
		}
		words = words[1:]
	}
	if len(words) < 2 || words[1] != "=" {
		return f, fmt.Errorf("fate %s: want a number, = and values", f.Kind)
	}
	if f.Nth, err = strconv.Atoi(words[0]); err != nil {
		return f, fmt.Errorf("fate %s: %w", f.Kind, err)
	}
	for _, w := range words[2:] {
		v, err := strconv.ParseInt(w, 10, 64)
		if err != nil {
			return f, fmt.Errorf("fate %s: %w", f.Kind, err)
		}
		f.Values = append(f.Values, v)
	}
	return f, nil
}

// messageNames are the kinds of messages by their types' names.
var messageNames = map[statemachine.Kind]string{
	statemachine.KindHello: "Hello", statemachine.KindWelcome: "Welcome", statemachine.KindTable: "Table",
	statemachine.KindDigest: "Digest", statemachine.KindPush: "Push", statemachine.KindAck: "Ack",
	statemachine.KindNeed: "Need", statemachine.KindDelta: "Delta", statemachine.KindCompare: "Compare",
	statemachine.KindLeafList: "LeafList", statemachine.KindItems: "Items", statemachine.KindReports: "Reports",
	statemachine.KindRefuse: "Refuse", statemachine.KindOpen: "Open", statemachine.KindOpened: "Opened",
	statemachine.KindFetch: "Fetch", statemachine.KindChunk: "Chunk", statemachine.KindAskRetired: "AskRetired",
	statemachine.KindRetiredList: "RetiredList", statemachine.KindPing: "Ping", statemachine.KindPingAck: "PingAck",
	statemachine.KindPingReq: "PingReq", statemachine.KindSuspicion: "Suspicion", statemachine.KindGraft: "Graft",
	statemachine.KindPrune: "Prune", statemachine.KindGet: "Get", statemachine.KindGot: "Got",
}

func messageName(k statemachine.Kind) string {
	if name, ok := messageNames[k]; ok {
		return name
	}
	return strconv.Itoa(int(k))
}

// messageKind is the kind that messageName names, 0 if none is.
func messageKind(name string) statemachine.Kind {
	for k, n := range messageNames { // order cannot matter: names differ
		if n == name {
			return k
		}
	}
	n, _ := strconv.ParseUint(name, 10, 8)
	return statemachine.Kind(n)
}
