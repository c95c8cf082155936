package server

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"kvs/httpapi"
	"kvs/internal/auth"
	"kvs/internal/config"
	"kvs/statemachine"
)

func millis(d time.Duration) statemachine.Millis { return statemachine.Millis(d.Milliseconds()) }

// coreConfig translates the settings for the core, and draws its random bytes.
func coreConfig(cfg config.Config) (statemachine.Config, error) {
	addr, err := advertised(cfg)
	if err != nil {
		return statemachine.Config{}, err
	}
	core := statemachine.DefaultConfig()
	core.Tuning = tuning(cfg)
	core.ClusterName, core.AuthMode, core.MixedAuth = cfg.ClusterName, cfg.AuthEnabled, cfg.AllowMixedAuth
	core.Name, core.Addr = cfg.NodeID, addr
	core.Replication = millis(cfg.ReplicationInterval)
	core.Retention, core.Horizon = millis(cfg.TombstoneMinRetention), millis(cfg.BootstrapMaxAge)
	core.Async = cfg.Durability == durabilityAsync
	core.RingBytes, core.DirectFanout = cfg.PushRingMB<<20, cfg.DirectFanout
	if cfg.ClusteringEnabled {
		core.Seeds = cfg.SeedNodes
	}
	draw(core.Seed[:])
	draw(core.Mint.Cluster[:])
	draw(core.Mint.Digest[:])
	return core, nil
}

// compression is the level for the store, 0 for none.
func compression(cfg config.Config) int {
	if !cfg.CompressionEnabled {
		return 0
	}
	return cfg.CompressionLevel
}

// durabilityAsync is the setting durability of a node that syncs once a second.
const durabilityAsync = "async"

// tuning translates the settings that the core takes while it runs.
func tuning(cfg config.Config) statemachine.Tuning {
	t := statemachine.Tuning{
		ReadOnly:  cfg.ReadOnly,
		GossipMin: millis(cfg.GossipIntervalMin), GossipMax: millis(cfg.GossipIntervalMax),
		Sync: millis(cfg.SyncInterval), Catchup: millis(cfg.CatchupInterval),
		FailedAfter: millis(cfg.FailedAfter), RemovedAfter: millis(cfg.RemovedAfter),
		MaxSkew:  millis(cfg.MaxClockSkew),
		Throttle: millis(cfg.ThrottleDelay), FetchDelay: millis(cfg.FetchDelay),
	}
	if cfg.RevisionHistoryEnabled {
		t.Revisions = cfg.MaxRevisions
	}
	return t
}

// tunable translates the settings that the HTTP layer takes while it runs.
func tunable(cfg config.Config) httpapi.Tunable {
	mode, _ := auth.ParseMode(cfg.DefaultMode) // config has checked it
	return httpapi.Tunable{
		DefaultMode: mode, MaxJSONSize: cfg.MaxJSONSize, RateLimit: rateLimit(cfg), Access: httpapi.AccessLog(cfg.AccessLog),
	}
}

// rateLimit translates the settings for the HTTP layer.
func rateLimit(cfg config.Config) httpapi.RateLimit {
	if !cfg.RateLimitingEnabled {
		return httpapi.RateLimit{}
	}
	return httpapi.RateLimit{
		Requests: cfg.RateLimitRequests, Window: cfg.RateLimitWindow,
		ByAddress: cfg.RateLimitBy == "address", TrustedProxies: cfg.Proxies(),
	}
}

// clusterPort is the UDP port between nodes.
func clusterPort(cfg config.Config) int {
	if cfg.ClusterPort != 0 {
		return cfg.ClusterPort
	}
	return cfg.Port
}

// advertised is the host:port that peers dial: as set, or the address that the
// node listens on, or the machine's first address that is not loopback.
func advertised(cfg config.Config) (string, error) {
	port := strconv.Itoa(clusterPort(cfg))
	if cfg.AdvertiseAddress != "" {
		if _, _, err := net.SplitHostPort(cfg.AdvertiseAddress); err == nil {
			return cfg.AdvertiseAddress, nil
		}
		return net.JoinHostPort(cfg.AdvertiseAddress, port), nil
	}
	bind, err := netip.ParseAddr(cfg.BindAddress)
	if err != nil {
		return "", fmt.Errorf("bind_address: %w", err)
	}
	if !bind.IsUnspecified() {
		return net.JoinHostPort(bind.String(), port), nil
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return "", fmt.Errorf("find an address for peers (or set advertise_address): %w", err)
	}
	for _, a := range addrs {
		ip, ok := a.(*net.IPNet)
		if ok && ip.IP.IsGlobalUnicast() && (bind.Is6() || ip.IP.To4() != nil) {
			return net.JoinHostPort(ip.IP.String(), port), nil
		}
	}
	return net.JoinHostPort("127.0.0.1", port), nil
}
