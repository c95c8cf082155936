package metrics

import "strings"

// Kind is the type of a metric, as Prometheus names it.
type Kind string

// The types.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Metric is one row of the catalogue.
type Metric struct {
	Name   string // begins with kvs_, ends with its unit
	Kind   Kind
	Labels []string
	Help   string
	Well   string // when it says that all is well, for docs/metrics.md
}

// The names that instruments of this package and their callers share.
const (
	HTTPRequests  = "kvs_http_requests_total"
	HTTPDuration  = "kvs_http_request_duration_seconds"
	HTTPInFlight  = "kvs_http_in_flight"
	HTTPBodyBytes = "kvs_http_body_bytes_total"
	AuthFailures  = "kvs_auth_failures_total"
	RateLimited   = "kvs_rate_limited_total"

	Writes         = "kvs_writes_total"
	Reads          = "kvs_reads_total"
	Expired        = "kvs_expired_total"
	Conflicts      = "kvs_conflicts_total"
	ReplicationLag = "kvs_replication_lag_seconds"
	StateChanges   = "kvs_member_state_changes_total"
	StepSeconds    = "kvs_statemachine_step_seconds"
	Effects        = "kvs_statemachine_effects_total"
	CommitSeconds  = "kvs_storage_commit_seconds"
	BatchSize      = "kvs_storage_batch_size"
)

// Catalogue returns every metric of a node, in the order of docs/metrics.md.
func Catalogue() []Metric {
	return append(append(clientSide(), replication()...), machine()...)
}

func clientSide() []Metric {
	return []Metric{
		{"kvs_build_info", Gauge, []string{"version", "revision", "go"}, "Always 1; the labels say what runs.", "one version in the cluster"},
		{HTTPRequests, Counter, []string{"route", "method", "class"}, "Requests answered.", "class 5xx flat"},
		{HTTPDuration, Histogram, []string{"route", "method", "class"}, "From the last byte of a request to the answer; of streams, to their beginning.", "p99 below 0.01 on the same machine"},
		{HTTPInFlight, Gauge, nil, "Requests that are being worked on.", "below max_connections"},
		{HTTPBodyBytes, Counter, []string{"dir"}, "Bytes of bodies, in from clients and out to them; streams are not counted.", ""},
		{RateLimited, Counter, []string{"reason"}, "Requests refused by the rate limit, by whom it counted.", "near 0"},
		{AuthFailures, Counter, []string{"reason"}, "Requests refused for lack of a good token, or of rights.", "near 0"},
		{"kvs_watchers", Gauge, nil, "Clients that follow changes.", "below max_watchers"},
		{"kvs_keys", Gauge, nil, "Live keys, the system's own included.", "equal on all nodes"},
		{"kvs_tombstones", Gauge, nil, "Deletes that are remembered.", "returns to its level"},
		{Reads, Counter, []string{"origin"}, "Reads of single keys, from this node's store (local) or from the member it copies from (remote).", "remote 0 but for new nodes"},
		{Writes, Counter, []string{"origin"}, "Writes that were stored: of this node's clients (local), of other nodes (remote).", ""},
		{Expired, Counter, nil, "Records that expired here.", ""},
		{Conflicts, Counter, []string{"rule"}, "Concurrent versions that met, by what decided.", "growth that somebody can explain"},
	}
}

func replication() []Metric {
	return []Metric{
		{ReplicationLag, Histogram, []string{"peer"}, "How old a write of another node is when it is durable here, by its timestamp and this node's clock.", "p99 below 1"},
		{"kvs_sync_rounds_total", Counter, []string{"kind", "result"}, "Scrubs begun by this node (ok), that found a difference though claims were equal (diverged), that a partner had no room for (busy) or that clocks forbade (skewed).", "diverged and skewed flat"},
		{"kvs_sync_keys_total", Counter, []string{"kind", "result"}, "Records sent to peers, by what sent them, and records that a scrub repaired here.", "repaired flat"},
		{"kvs_sync_bytes_total", Counter, []string{"kind", "dir"}, "Bytes of frames between nodes, by their stream.", ""},
		{"kvs_sync_converged", Gauge, []string{"peer"}, "1 while the member is connected and has the same data.", "1"},
		{"kvs_sync_last_success_timestamp_seconds", Gauge, []string{"peer"}, "When the member last said that it has the same data, 0 not since the start.", "fresh"},
		{"kvs_sync_missing_dots", Gauge, []string{"peer"}, "Writes that the member has and this node lacks.", "0"},
		{"kvs_members", Gauge, []string{"state"}, "Members by state, this node included.", "all alive"},
		{StateChanges, Counter, []string{"state"}, "Changes of members' states, by the new one.", "flat"},
		{"kvs_clock_skew_seconds", Gauge, []string{"peer"}, "How far the member's clock is ahead of this node's.", "within 0.1 of 0"},
		{"kvs_clock_clamped_total", Counter, nil, "Batches whose stamps were held back, because this node's clock is ahead.", "flat"},
		{"kvs_clock_ahead_versions_total", Counter, nil, "Versions merged that are too far ahead to move this node's clock.", "flat"},
		{"kvs_collection_blocked_seconds", Gauge, []string{"peer"}, "For how long this node has not forgotten deletes because there is no word from the member.", "0"},
		{"kvs_peer_messages_dropped_total", Counter, []string{"reason"}, "Messages from peers and to them that were dropped.", "flat"},
		{"kvs_peer_rtt_seconds", Gauge, []string{"peer"}, "Smoothed round trip of the connection (RFC 9002 section 5.3).", ""},
		{"kvs_peer_packets_lost_total", Counter, []string{"peer"}, "Packets declared lost on the connection; begins again with it.", "near 0"},
		{"kvs_peer_bytes_total", Counter, []string{"peer", "dir"}, "Bytes of UDP payload on the connection; begins again with it.", ""},
	}
}

func machine() []Metric {
	return []Metric{
		{StepSeconds, Histogram, nil, "Time of one step of the state machine, effects handed out included.", "p99 below 0.001"},
		{Effects, Counter, []string{"kind"}, "Effects that the state machine asked for.", ""},
		{"kvs_statemachine_inbox_depth", Gauge, []string{"kind"}, "Inputs that wait for the state machine.", "near 0"},
		{"kvs_flight_steps_total", Counter, []string{"result"}, "Steps of the state machine that the flight recorder has kept (recorded), or had no room or time for (missed).", "missed flat"},
		{"kvs_flight_bytes", Gauge, nil, "Bytes of the flight recorder's files.", "at most flight_recorder_mb"},
		{CommitSeconds, Histogram, nil, "Time of one durable commit.", "p99 below 0.1"},
		{BatchSize, Histogram, nil, "Writes and entries in one committed batch.", ""},
		{"kvs_storage_size_bytes", Gauge, []string{"part"}, "Size of the tree (lsm) and the value log (vlog) on disk.", ""},
		{"kvs_storage_gc_runs_total", Counter, []string{"result"}, "Compactions of the whole store (compacted), and rounds of its upkeep that failed (failed).", "failed flat"},
		{"kvs_storage_gc_reclaimed_bytes_total", Counter, nil, "Bytes that compactions of the whole store gave back to the disk.", ""},
		{"kvs_storage_damaged_records_total", Counter, nil, "Records that could not be read.", "0"},
		{"kvs_disk_free_bytes", Gauge, nil, "Free bytes of the file system of data_dir, for an ordinary user.", "over a tenth of the disk"},
		{"kvs_backup_last_success_timestamp_seconds", Gauge, nil, "When this node's newest sound backup was begun; 0 if there is none.", "within 26 hours, with a daily schedule"},
		{"kvs_backup_duration_seconds", Gauge, nil, "How long the newest backup of this run took.", ""},
		{"kvs_backup_bytes", Gauge, nil, "Size of the newest sound backup.", ""},
		{"kvs_backup_failures_total", Counter, nil, "Backups that have failed.", "0"},
		{"kvs_audit_entries_total", Counter, nil, "Entries of the audit log, over its whole life.", ""},
		{"kvs_audit_chain_ok", Gauge, nil, "1 while the audit log is what this node wrote and is written to.", "1"},
		{"kvs_config_reload_success", Gauge, nil, "1 while the node runs with the configuration that it read last, 0 since one was refused.", "1"},
		{"kvs_cert_expiry_timestamp_seconds", Gauge, []string{"use"}, "When the certificate for clients (http) or for peers (peer) ends.", "over 14 days ahead"},
	}
}

// Row is the metric's row of docs/metrics.md.
func Row(m Metric) string {
	return "| `" + m.Name + "` | " + string(m.Kind) + " | " + strings.Join(m.Labels, ", ") + " | " + m.Help + " | " +
		m.Well + " |"
}
