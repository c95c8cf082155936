package server

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"kvs/httpapi"
	"kvs/internal/config"
	"kvs/internal/metrics"
	"kvs/statemachine"
	"kvs/storage"
	"kvs/transport"
)

// observer tells how a node is: as metrics, as one document, and as probes.
type observer struct {
	cfg       config.Config // as it was at the start
	reloads   *reloads
	api       *api
	store     *storage.Store
	driver    *driver
	feed      *feed
	transport *transport.Transport // nil without clustering
	trail     *trail               // nil without an audit log
	backups   *backups
	upkeep    *upkeep
	https     *certificate      // nil without HTTPS
	measure   *measure          // nil without metrics
	registry  *metrics.Registry // nil without metrics
	level     *slog.LevelVar
	began     time.Time
}

// open begins to count, if the node is to, before there is anything to count.
func (o *observer) open(d *driver) {
	o.driver = d
	if o.cfg.MetricsEnabled {
		o.registry = metrics.New(o.sample)
		o.measure = newMeasure(o.registry.Node, &d.status)
		d.measure = o.measure
	}
}

// committed is what the store tells of its commits.
func (o *observer) committed() func(int, time.Duration) {
	if o.measure == nil {
		return nil
	}
	return o.measure.committed
}

// attach gives it all that it tells of, before anybody can ask.
func (o *observer) attach(s *Server, a *api) {
	o.api, o.store, o.feed, o.transport, o.trail = a, s.store, s.feed, s.transport, s.trail
	o.backups, o.upkeep = s.backups, s.upkeep
}

// show lets the HTTP layer have it.
func (o *observer) show(options *httpapi.Options) {
	options.Console = o.cfg.ConsoleEnabled
	options.Observer, options.Debug = o, o.cfg.DebugEndpoints
	if o.registry != nil {
		options.Meter, options.Metrics = o.registry.HTTP, o.registry.Handler()
		options.MetricsToken = o.cfg.MetricsToken.Reveal()
	}
}

// overview is the answer to GET /status. Times are Unix milliseconds, 0 never.
type overview struct {
	NodeID     string            `json:"node_id"`
	Replica    string            `json:"replica"`
	ClusterID  string            `json:"cluster_id"`
	Version    string            `json:"version"`
	Revision   string            `json:"revision"`
	Go         string            `json:"go"`
	Started    int64             `json:"started"`
	UptimeMs   int64             `json:"uptime_ms"`
	Now        int64             `json:"now"`
	Status     string            `json:"status"`
	Mode       string            `json:"mode"`
	Ready      bool              `json:"ready"`
	Reasons    []string          `json:"reasons"`
	Probes     []probeRow        `json:"probes"`
	Members    []memberOverview  `json:"members"`
	Sync       syncOverview      `json:"sync"`
	Clock      clockOverview     `json:"clock"`
	Storage    storageOverview   `json:"storage"`
	Disk       *disk             `json:"disk"`
	Audit      *auditOverview    `json:"audit"`
	Certs      map[string]int64  `json:"certificates"` // when each ends
	Watchers   int               `json:"watchers"`
	Goroutines int               `json:"goroutines"`
	HeapBytes  uint64            `json:"heap_bytes"`
	LogLevel   string            `json:"log_level"`
	Settings   map[string]string `json:"settings"` // that differ from their default
}

type probeRow struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Why  string `json:"why,omitempty"`
}

type memberOverview struct {
	ID        string `json:"id"`
	Replica   string `json:"replica"`
	Address   string `json:"address"`
	Self      bool   `json:"self"`
	State     string `json:"state"`
	Reach     string `json:"reach"`
	Connected bool   `json:"connected"`
	Converged bool   `json:"converged"` // of this node itself: true
	Missing   uint64 `json:"missing_dots"`
	Lacking   uint64 `json:"lacking_dots"`
	LastSeen  int64  `json:"last_seen"`
	LastEqual int64  `json:"last_equal"`
	RTTMs     *int64 `json:"rtt_ms"`
	SkewMs    *int64 `json:"skew_ms"`
}

type syncOverview struct {
	Converged    bool     `json:"converged"`
	Root         string   `json:"root"`
	Keys         uint64   `json:"keys"`
	Tombstones   uint64   `json:"tombstones"`
	Copy         string   `json:"copy"`
	BlockedBy    []string `json:"blocked_by"`
	BlockedSince int64    `json:"blocked_since"`
}

type clockOverview struct {
	SkewMs  *int64 `json:"skew_ms"` // how far this node is ahead; null while it cannot tell
	Clamped bool   `json:"clamped"`
}

type storageOverview struct {
	DataDir string `json:"data_dir"`
	// Durability is the setting, and Unsynced how many writes a loss of power would take.
	Durability string `json:"durability"`
	Unsynced   uint64 `json:"unsynced_dots"`
	Tree       int64  `json:"lsm_bytes"`
	Log        int64  `json:"vlog_bytes"`
	Damaged    int    `json:"damaged_records"`
	Verified   uint64 `json:"verifier_wrong"`
}

type auditOverview struct {
	Entries uint64   `json:"entries"`
	OK      bool     `json:"ok"`
	Reasons []string `json:"reasons"`
}

// Overview implements httpapi.Observer.
func (o *observer) Overview() (any, error) {
	s, h, now := o.driver.status.Load(), o.api.Health(), o.api.wall()
	st, err := o.api.SyncStatus()
	if err != nil {
		return nil, err
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	size, err := o.store.Sizes()
	if err != nil {
		return nil, storeError(err)
	}
	out := overview{
		NodeID: s.Hello.Member.Name, Replica: s.Identity.Replica.Hex(), ClusterID: h.ClusterID,
		Version: Version, Revision: buildRevision(), Go: runtime.Version(),
		Started: o.began.UnixMilli(), UptimeMs: time.Since(o.began).Milliseconds(), Now: int64(now),
		Status: h.Status, Mode: h.Mode, Ready: true, Reasons: orEmpty(h.Reasons),
		Sync: syncOverview{
			Converged: st.Converged, Root: fmt.Sprintf("%x", st.Digest.Root), Keys: s.Live, Tombstones: s.Tombstones,
			Copy: s.Transfer.Phase.String(), BlockedBy: orEmpty(shortNames(s, s.Blocked)),
		},
		Clock: clockOverview{Clamped: s.Clamped},
		Storage: storageOverview{
			DataDir: o.cfg.DataDir, Durability: durability(s), Unsynced: s.VV.CountBeyond(s.Durable), Tree: size.Tree, Log: size.Log, Damaged: s.Damaged,
			Verified: o.store.Verification().Wrong,
		},
		Watchers: o.feed.count(), Goroutines: runtime.NumGoroutine(), HeapBytes: memory.HeapAlloc,
		LogLevel: o.LogLevel(), Settings: o.reloads.current().Changed(), Certs: map[string]int64{},
	}
	if len(s.Blocked) > 0 {
		out.Sync.BlockedSince = int64(s.BlockedAt)
	}
	if skew := int64(s.Skew); s.Timed {
		out.Clock.SkewMs = &skew
	}
	for _, p := range o.Probes() {
		out.Probes = append(out.Probes, probeRow{p.Name, p.Why == "", p.Why})
		out.Ready = out.Ready && (p.Why == "" || !p.Vital)
	}
	o.addParts(&out, s)
	return out, nil
}

// addParts adds what not every node has.
func (o *observer) addParts(out *overview, s *statemachine.Status) {
	for i := range s.Members {
		m := &s.Members[i]
		row := memberRow(m)
		v := memberOverview{
			ID: row.ID, Replica: row.Replica, Address: row.Address, Self: m.Self, State: row.State, Reach: row.Reach,
			Connected: m.Connected, Converged: m.Self || converged(m), Missing: m.Missing, Lacking: m.Lacks,
			LastSeen: row.LastSeen, RTTMs: row.RTT, SkewMs: row.Skew,
		}
		if o.measure != nil {
			v.LastEqual = int64(o.measure.lastEqual(m.Replica))
		}
		out.Members = append(out.Members, v)
	}
	if d, err := diskOf(o.cfg.DataDir); err == nil {
		out.Disk = &d
	}
	if o.trail != nil {
		reasons := o.trail.reasons()
		out.Audit = &auditOverview{o.store.Queued() - 1, len(reasons) == 0, orEmpty(reasons)}
	}
	for use, end := range o.certificates() {
		out.Certs[use] = end.UnixMilli()
	}
}

// orEmpty makes a list that is encoded as [] and not as null.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// certificates are the ends of those that this node shows.
func (o *observer) certificates() map[string]time.Time {
	out := map[string]time.Time{}
	if o.https != nil {
		out["http"] = o.https.current(time.Now()).Leaf.NotAfter
	}
	if o.transport != nil {
		if end, err := o.transport.CertificateEnd(); err == nil {
			out["peer"] = end
		}
	}
	return out
}

// Probes implements httpapi.Observer.
func (o *observer) Probes() []httpapi.Probe {
	s := o.driver.status.Load()
	return []httpapi.Probe{
		{Name: "store", Why: o.storeTrouble(s), Vital: true},
		{Name: "disk", Why: diskTrouble(diskOf(o.cfg.DataDir)), Vital: true},
		{Name: "cluster", Why: clusterTrouble(s, o.api.Health())},
		{Name: "sync", Why: syncTrouble(s), Vital: true},
		{Name: "clock", Why: clockTrouble(s)},
		{Name: "certs", Why: certTrouble(o.certificates(), time.Now())},
	}
}

func (o *observer) storeTrouble(s *statemachine.Status) string {
	if _, _, err := o.store.Digest(); err != nil {
		return err.Error()
	}
	if proven(s.Loss) {
		return "durable writes were lost, and are not back yet"
	}
	return ""
}

func diskTrouble(d disk, err error) string {
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return "" // nobody can tell on this system
	case err != nil:
		return err.Error()
	case d.Free < diskLow:
		return fmt.Sprintf("%d MiB free in data_dir, less than %d MiB", d.Free>>20, diskLow>>20)
	}
	return ""
}

func clusterTrouble(s *statemachine.Status, h httpapi.Health) string {
	if !h.Joined {
		return "no cluster yet: none of seed_nodes has answered for one"
	}
	var away []string
	for i := range s.Members {
		if m := &s.Members[i]; !m.Self && !m.Connected {
			away = append(away, m.Name)
		}
	}
	if len(away) > 0 {
		return "no connection to " + strings.Join(away, ", ")
	}
	return ""
}

func syncTrouble(s *statemachine.Status) string {
	switch s.Mode {
	case statemachine.ModeSyncing:
		if !s.Transfer.Active() {
			return "a member is asked for what was not synced before the machine was restarted"
		}
		return "the data of the cluster is on its way (" + s.Transfer.Phase.String() + ")"
	case statemachine.ModeLeft:
		return "this node is leaving its cluster, or has left"
	}
	return ""
}

func clockTrouble(s *statemachine.Status) string {
	if s.Clamped {
		return fmt.Sprintf("%d ms ahead of the other members: stamps are held back", s.Skew)
	}
	return ""
}

// certSoon is how long before its end a certificate is spoken of.
const certSoon = 14 * 24 * time.Hour

func certTrouble(ends map[string]time.Time, now time.Time) string {
	for _, use := range []string{"http", "peer"} {
		end, ok := ends[use]
		// The peers' certificate renews itself: only one that has ended is news.
		if ok && (now.After(end) || use == "http" && end.Sub(now) < certSoon) {
			return "the certificate for " + use + " ends at " + end.UTC().Format(time.RFC3339)
		}
	}
	return ""
}
