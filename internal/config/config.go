package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Config is every setting of a node. The tags are the table of settings:
//
//	yaml    the key in the file
//	group   starts a group of the generated file, with its heading
//	help    one line: the meaning, and what it trades where it trades
//	unit    how a duration or size is written: ms, s, h and d as a whole
//	        number, "duration" as a Go duration, "ttl" as one or "0"
//	default as in the file
//	min,max the range of a number, in the file's unit
//	oneof   the words a string may be
//	check   a further rule, by name (see check.go)
//	reload  whether a running node can take a new value
//	needs   the switch without which the setting has no effect
//	secret  never shown
type Config struct {
	NodeID      string   `yaml:"node_id" group:"" default:"${hostname}" check:"name" help:"Unique node identifier"`
	BindAddress string   `yaml:"bind_address" default:"127.0.0.1" check:"ip" help:"IP address to bind to (0.0.0.0 for external access)"`
	Port        int      `yaml:"port" default:"8080" min:"1" max:"65535" help:"HTTP port (TCP), and cluster port (UDP)"`
	DataDir     string   `yaml:"data_dir" default:"./data" check:"required" help:"Directory for storage, created if missing; unset in a file with node_id: ./data-<node_id>"`
	Durability  string   `yaml:"durability" default:"always" oneof:"always async" help:"When writes are synced: always before they are answered, or async, once a second; a loss of power takes what is newer"`
	SeedNodes   []string `yaml:"seed_nodes" default:"[]" check:"hostport" help:"host:port of nodes to join, [] for a first or single node"`
	ReadOnly    bool     `yaml:"read_only" default:"false" reload:"true" help:"Refuse client writes, keep replicating"`
	LogLevel    string   `yaml:"log_level" default:"info" oneof:"debug info warn error" reload:"true" help:"debug, info, warn or error"`
	LogFormat   string   `yaml:"log_format" default:"auto" oneof:"auto text json" help:"text, json, or auto: text on a terminal, json elsewhere"`
	LogFile     string   `yaml:"log_file" default:"" reload:"true" help:"File that the log is appended to, empty: standard error; opened again by a reload"`
	AccessLog   string   `yaml:"access_log" default:"errors" oneof:"off errors all" reload:"true" help:"Requests in the log: off, errors (answers of 500 and above) or all"`

	GossipIntervalMin     time.Duration `yaml:"gossip_interval_min" group:"Cluster timing configuration" unit:"s" default:"60" min:"1" max:"86400" reload:"true" help:"Min gossip interval (seconds)"`
	GossipIntervalMax     time.Duration `yaml:"gossip_interval_max" unit:"s" default:"120" min:"1" max:"86400" reload:"true" help:"Max gossip interval (seconds)"`
	SyncInterval          time.Duration `yaml:"sync_interval" unit:"s" default:"300" min:"1" max:"86400" reload:"true" help:"Regular sync interval (seconds)"`
	CatchupInterval       time.Duration `yaml:"catchup_interval" unit:"s" default:"120" min:"1" max:"86400" reload:"true" help:"Catch-up sync interval (seconds)"`
	BootstrapMaxAge       time.Duration `yaml:"bootstrap_max_age_hours" unit:"h" default:"720" min:"1" max:"87600" help:"Absence after which a node starts over, and age of what a new one copies first (hours)"`
	ThrottleDelay         time.Duration `yaml:"throttle_delay_ms" unit:"ms" default:"100" min:"0" max:"60000" reload:"true" help:"Delay between sync requests (ms)"`
	FetchDelay            time.Duration `yaml:"fetch_delay_ms" unit:"ms" default:"50" min:"0" max:"60000" reload:"true" help:"Delay between data fetches (ms)"`
	ReplicationInterval   time.Duration `yaml:"replication_interval_ms" unit:"ms" default:"1000" min:"10" max:"60000" help:"Delta sync with a peer (ms); less is fresher and costs more messages"`
	FailedAfter           time.Duration `yaml:"failed_after_s" unit:"s" default:"300" min:"1" max:"604800" reload:"true" help:"Silence after which a member counts as failed (seconds)"`
	RemovedAfter          time.Duration `yaml:"removed_after_s" unit:"s" default:"600" min:"2" max:"604800" reload:"true" help:"Silence after which it leaves the members list (seconds)"`
	TombstoneMinRetention time.Duration `yaml:"tombstone_min_retention" unit:"duration" default:"1h" help:"How long deleted and expired records are remembered at least"`
	MaxClockSkew          time.Duration `yaml:"max_clock_skew_ms" unit:"ms" default:"500" min:"1" max:"3600000" reload:"true" help:"Lead of a peer's timestamp beyond which it no longer moves our clock (ms)"`

	AdvertiseAddress  string `yaml:"advertise_address" group:"Cluster addresses and trust" default:"" check:"address" help:"Address that peers dial, host or host:port; empty: derived from bind_address"`
	ClusterPort       int    `yaml:"cluster_port" default:"0" min:"0" max:"65535" help:"UDP port between nodes, 0 for the same number as port"`
	ClusterName       string `yaml:"cluster_name" default:"" check:"label" help:"Name that all nodes of a cluster share; nodes of other names are refused"`
	ClusterSecret     Secret `yaml:"cluster_secret" default:"" secret:"true" help:"Shared by all nodes; needed to cluster beyond loopback"`
	ClusterSecretFile string `yaml:"cluster_secret_file" default:"" help:"File that holds the secret instead"`
	TLSCAFile         string `yaml:"tls_ca_file" default:"" help:"Authorities of an existing PKI (PEM), instead of a secret; with tls_cert_file and tls_key_file"`
	TLSCertFile       string `yaml:"tls_cert_file" default:"" help:"Certificate of this node towards peers (PEM), its URI name kvs-replica:<replica id>"`
	TLSKeyFile        string `yaml:"tls_key_file" default:"" help:"Private key of that certificate (PEM)"`
	PushRingMB        int    `yaml:"push_ring_mb" default:"64" min:"1" max:"4096" help:"Memory for fresh writes on their way to peers (MiB)"`
	DirectFanout      int    `yaml:"direct_fanout_max" default:"16" min:"1" max:"1000" help:"Peers that a node pushes its writes to by itself; with more of them they travel on a tree, a hop longer and with less to send"`

	CompressionEnabled bool          `yaml:"compression_enabled" group:"Feature configuration" default:"true" help:"Compress values with zstd on disk where that makes them smaller"`
	CompressionLevel   int           `yaml:"compression_level" default:"3" min:"1" max:"19" needs:"compression_enabled" help:"Effort of it: 1-2 fastest, 3-5 default, 6-9 better, 10-19 best"`
	DefaultTTL         time.Duration `yaml:"default_ttl" unit:"ttl" default:"0" reload:"true" help:"Default TTL (\"0\" = no expiry)"`
	MaxJSONSize        int           `yaml:"max_json_size" default:"1048576" min:"1" max:"1048576" reload:"true" help:"Max JSON body size (bytes, 1 MiB at most)"`
	MemoryLimitMB      int           `yaml:"memory_limit_mb" default:"0" min:"0" max:"1048576" help:"Memory that the process tries to stay below, mapped files aside (MiB); 0: three quarters of what its control group allows"`
	GCInterval         time.Duration `yaml:"gc_interval" unit:"duration" default:"10m" help:"How often the store gives up what is overwritten, deleted or too old, if it is not busy; 1s to 24h"`
	RateLimitRequests  int           `yaml:"rate_limit_requests" default:"100" min:"1" max:"1000000000" reload:"true" needs:"rate_limiting_enabled" help:"Requests per window, of each client, on this node"`
	RateLimitWindow    time.Duration `yaml:"rate_limit_window" unit:"duration" default:"1m" reload:"true" needs:"rate_limiting_enabled" help:"Rate limit window, 1s to 24h"`
	RateLimitBy        string        `yaml:"rate_limit_by" default:"user" oneof:"user address" reload:"true" needs:"rate_limiting_enabled" help:"Who is one client: user (by address without a token), or always address"`
	TrustedProxies     []string      `yaml:"trusted_proxies" default:"[]" check:"prefix" reload:"true" help:"Proxies whose X-Forwarded-For is believed, such as [\"10.0.0.0/8\"]"`

	AuthEnabled            bool          `yaml:"auth_enabled" group:"Feature toggles" default:"true" help:"JWT authentication system; the same on all nodes of a cluster"`
	DefaultMode            string        `yaml:"default_mode" default:"cdwr,c-wr,----" check:"mode" reload:"true" needs:"auth_enabled" help:"Rights of a key that is created through this node: create, delete, write, read for owner, group, others"`
	AllowMixedAuth         bool          `yaml:"allow_mixed_auth" default:"false" help:"Peer with nodes whose auth_enabled differs, if they say so too: to switch it node by node"`
	TamperLoggingEnabled   bool          `yaml:"tamper_logging_enabled" default:"true" help:"Cryptographic audit trail"`
	ClusteringEnabled      bool          `yaml:"clustering_enabled" default:"true" help:"Gossip protocol and sync"`
	RateLimitingEnabled    bool          `yaml:"rate_limiting_enabled" default:"true" reload:"true" help:"Rate limiting; false for loads and benchmarks"`
	RevisionHistoryEnabled bool          `yaml:"revision_history_enabled" default:"true" reload:"true" help:"Automatic versioning: keep what was replaced"`
	MaxRevisions           int           `yaml:"max_revisions" default:"16" min:"1" max:"256" reload:"true" needs:"revision_history_enabled" help:"Versions kept of each key beside the one that stands"`
	RevisionMaxAge         time.Duration `yaml:"revision_max_age" unit:"ttl" default:"0" reload:"true" needs:"revision_history_enabled" help:"How long they are kept once they stand no more (\"0\" = as long as there is room)"`

	BackupEnabled     bool          `yaml:"backup_enabled" group:"Backup configuration" default:"true" reload:"true" help:"Automated backups"`
	BackupSchedule    string        `yaml:"backup_schedule" default:"0 0 * * *" check:"cron" reload:"true" needs:"backup_enabled" help:"Daily at midnight (cron format)"`
	BackupPath        string        `yaml:"backup_path" default:"./backups" check:"required" reload:"true" needs:"backup_enabled" help:"Backup directory"`
	BackupRetention   time.Duration `yaml:"backup_retention" unit:"d" default:"7" min:"1" max:"36500" reload:"true" needs:"backup_enabled" help:"Days to keep backups"`
	BackupIncremental int           `yaml:"backup_incremental" default:"0" min:"0" max:"100" reload:"true" needs:"backup_enabled" help:"Incremental backups after each full one, which hold what has changed; 0 for full ones only"`
	BackupRecipients  []string      `yaml:"backup_recipients" default:"[]" check:"recipient" reload:"true" help:"Encrypt backups to these recipients of age, such as [\"age1…\"]; [] for no encryption"`

	AuditPath     string `yaml:"audit_path" group:"Audit log" default:"" needs:"tamper_logging_enabled" help:"Directory of the audit log, empty: audit in data_dir"`
	AuditRotateMB int    `yaml:"audit_rotate_mb" default:"64" min:"1" max:"1024" needs:"tamper_logging_enabled" help:"Size from which a segment of it gets a successor (MiB); 64 segments are kept"`

	MetricsEnabled   bool   `yaml:"metrics_enabled" group:"Observation" default:"true" help:"Count what happens, and show it at /metrics"`
	MetricsToken     Secret `yaml:"metrics_token" default:"" secret:"true" needs:"metrics_enabled" help:"Bearer token that may read /metrics and nothing else"`
	ConsoleEnabled   bool   `yaml:"console_enabled" default:"true" help:"The web console at /console/"`
	DebugEndpoints   bool   `yaml:"debug_endpoints" default:"false" help:"/debug/pprof/, /debug/log-level and /debug/flight, for administrators"`
	FlightRecorderMB int    `yaml:"flight_recorder_mb" default:"64" min:"0" max:"65536" help:"Room in data_dir for the record of what the node did last, to replay it (MiB, 0 none)"`

	TokenTTL    time.Duration `yaml:"token_ttl" group:"Tokens" unit:"duration" default:"24h" needs:"auth_enabled" help:"How long a token lives that asks for no other time"`
	TokenMaxTTL time.Duration `yaml:"token_max_ttl" unit:"duration" default:"720h" needs:"auth_enabled" help:"The longest that a token may live; no longer ones are accepted"`

	MaxConnections  int           `yaml:"max_connections" group:"HTTP server limits" default:"10000" min:"1" max:"1000000" help:"Client connections served at once"`
	MaxWatchers     int           `yaml:"max_watchers" default:"1000" min:"1" max:"100000" help:"Clients that follow changes at once"`
	HeaderTimeout   time.Duration `yaml:"header_timeout" unit:"duration" default:"5s" help:"Wait for a request's headers"`
	ReadTimeout     time.Duration `yaml:"read_timeout" unit:"duration" default:"30s" help:"Wait for a request's body"`
	WriteTimeout    time.Duration `yaml:"write_timeout" unit:"duration" default:"30s" help:"Wait for a client to take its answer"`
	IdleTimeout     time.Duration `yaml:"idle_timeout" unit:"duration" default:"60s" help:"Wait between two requests of a connection"`
	HTTPTLSCertFile string        `yaml:"http_tls_cert_file" default:"" help:"Certificate chain for HTTPS (PEM), empty for plain HTTP; read again when it changes"`
	HTTPTLSKeyFile  string        `yaml:"http_tls_key_file" default:"" help:"Its private key (PEM), readable by the node's user alone"`
	AllowedOrigins  []string      `yaml:"cors_allowed_origins" default:"[]" check:"origin" help:"Web origins whose scripts may use this node, such as [\"https://example.org\"]"`
	ShutdownTimeout time.Duration `yaml:"shutdown_timeout" unit:"duration" default:"20s" help:"Grace for running requests when the node stops"`
}

// Secret is text that is never printed.
type Secret string

// String hides the secret from every kind of printing.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[secret]"
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the secret from JSON, YAML and slog.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal is the secret itself.
func (s Secret) Reveal() string { return string(s) }

// Default is a Config in which nothing was set.
func Default() Config { return defaults(hostName()) }

// hostName is the default of node_id.
func hostName() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "node"
	}
	return name
}

// LoadClusterSecret is the secret that cluster_secret or cluster_secret_file
// names, "" if neither is set. A file's trailing line break is not part of it.
func (c Config) LoadClusterSecret() (Secret, error) {
	if c.ClusterSecretFile == "" {
		return c.ClusterSecret, nil
	}
	text, err := os.ReadFile(c.ClusterSecretFile)
	if err != nil {
		return "", fmt.Errorf("cluster_secret_file: %w", err)
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return "", errors.New("cluster_secret_file: " + c.ClusterSecretFile + " is empty")
	}
	return Secret(secret), nil
}

// HasPKI says that certificates come from files, and not from a secret.
func (c Config) HasPKI() bool { return c.TLSCertFile != "" }
