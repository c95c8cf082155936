package config

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"filippo.io/age"
)

// checkText applies a setting's own rules to a text that set accepted. The
// complaint is "" if all is well.
func (s setting) checkText(text string) (complaint string) {
	if len(s.oneOf) > 0 && !slices.Contains(s.oneOf, text) {
		return s.wants()
	}
	switch s.check {
	case "name":
		if text == "" || len(text) > 255 || strings.ContainsFunc(text, unicode.IsControl) {
			return "must be 1 to 255 bytes without control characters"
		}
	case "label":
		if len(text) > 255 || strings.ContainsFunc(text, unicode.IsControl) {
			return "must be at most 255 bytes without control characters"
		}
	case "required":
		if text == "" {
			return "must not be empty"
		}
	case "ip":
		if _, err := netip.ParseAddr(text); err != nil {
			return `must be an IP address such as "127.0.0.1", "0.0.0.0" or "::1"`
		}
	case "hostport":
		if !isHostPort(text) {
			return `must be host:port, such as "10.0.0.1:8080" or "[::1]:8080"`
		}
	case "address":
		if text != "" && !isHostPort(text) && !isHost(text) {
			return `must be a host or host:port, such as "10.0.0.1" or "[::1]:8080", or empty`
		}
	case "prefix":
		if _, ok := parsePrefix(text); !ok {
			return `must be an address or a network, such as "10.0.0.0/8" or "::1"`
		}
	case "origin":
		if !isOrigin(text) {
			return `must be an origin as browsers send it, such as "https://example.org" or ` +
				`"http://localhost:3000": no path, no "*"`
		}
	case "recipient":
		if _, err := age.ParseRecipients(strings.NewReader(text)); err != nil || strings.ContainsFunc(text, unicode.IsSpace) {
			return "must be a recipient of age, age1 and what age-keygen prints behind it"
		}
	case "mode":
		if !isMode(text) {
			return `must be like "cdwr,c-wr,----": create, delete, write, read for owner, group, others`
		}
	case "cron":
		if _, err := ParseCron(text); err != nil {
			return `must be five cron fields such as "0 0 * * *", or a word such as "@daily", for a time that comes`
		}
	}
	return ""
}

// isMode accepts the rights of a key as they are shown. Somebody has to have one.
func isMode(text string) bool {
	return strings.ContainsAny(text, "cdwr") && regexp.MustCompile(`^[c-][d-][w-][r-],[c-][d-][w-][r-],[c-][d-][w-][r-]$`).MatchString(text)
}

// isHostPort accepts a host or a bracketed IPv6 address, with a port.
func isHostPort(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil || !isHost(host) {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && port[0] != '0'
}

// isHost accepts an IP address or a plausible host name.
func isHost(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	if text == "" || len(text) > 253 {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			r == '-' || r == '.' || r == '_')
	})
}

// relation is a rule between settings that c breaks.
type relation struct {
	keys    []string // The complaint is put at the first of them that the file sets.
	message string
}

// relations are the rules between settings.
func (c Config) relations() []relation {
	var broken []relation
	add := func(message string, keys ...string) {
		broken = append(broken, relation{keys, message})
	}
	if c.GossipIntervalMin > c.GossipIntervalMax {
		add(fmt.Sprintf("gossip_interval_min (%d) must not be more than gossip_interval_max (%d)",
			int64(c.GossipIntervalMin.Seconds()), int64(c.GossipIntervalMax.Seconds())),
			"gossip_interval_min", "gossip_interval_max")
	}
	if c.RemovedAfter <= c.FailedAfter {
		add(fmt.Sprintf("removed_after_s (%d) must be more than failed_after_s (%d)",
			int64(c.RemovedAfter.Seconds()), int64(c.FailedAfter.Seconds())),
			"removed_after_s", "failed_after_s")
	}
	if c.GCInterval < time.Second || c.GCInterval > 24*time.Hour {
		add(fmt.Sprintf("gc_interval (%v) must be from 1s to 24h", c.GCInterval), "gc_interval")
	}
	if c.RateLimitWindow < time.Second || c.RateLimitWindow > 24*time.Hour {
		add(fmt.Sprintf("rate_limit_window (%v) must be from 1s to 24h", c.RateLimitWindow), "rate_limit_window")
	}
	if (c.HTTPTLSCertFile == "") != (c.HTTPTLSKeyFile == "") {
		add("http_tls_cert_file and http_tls_key_file go together: HTTPS needs both",
			"http_tls_cert_file", "http_tls_key_file")
	}
	if c.TokenTTL > c.TokenMaxTTL {
		add(fmt.Sprintf("token_ttl (%v) must not be more than token_max_ttl (%v)", c.TokenTTL, c.TokenMaxTTL),
			"token_ttl", "token_max_ttl")
	}
	if len(c.BackupRecipients) > 0 {
		if err := c.encrypts(); err != nil {
			add(fmt.Sprintf("backup_recipients do not go together: %v", err), "backup_recipients")
		}
	}
	return append(broken, c.trust()...)
}

// encrypts says why nothing can be encrypted to all recipients at once.
func (c Config) encrypts() error {
	to, err := age.ParseRecipients(strings.NewReader(strings.Join(c.BackupRecipients, "\n")))
	if err == nil {
		_, err = age.Encrypt(io.Discard, to...)
	}
	return err
}

// trust are the rules about what nodes know each other by.
func (c Config) trust() (broken []relation) {
	if c.ClusterSecret != "" && c.ClusterSecretFile != "" {
		broken = append(broken, relation{[]string{"cluster_secret_file", "cluster_secret"},
			"only one of cluster_secret and cluster_secret_file can be set"})
	}
	secret, files := c.ClusterSecret != "" || c.ClusterSecretFile != "", 0
	for _, f := range []string{c.TLSCAFile, c.TLSCertFile, c.TLSKeyFile} {
		if f != "" {
			files++
		}
	}
	keys := []string{"tls_ca_file", "tls_cert_file", "tls_key_file"}
	if files != 0 && files != len(keys) {
		broken = append(broken, relation{keys, "tls_ca_file, tls_cert_file and tls_key_file go together: set all or none"})
	}
	if files != 0 && secret {
		broken = append(broken, relation{keys, "only one of a cluster secret and tls_ca_file can be set: " +
			"nodes know each other by the one or by the other"})
	}
	if address, err := netip.ParseAddr(c.BindAddress); err == nil && c.ClusteringEnabled &&
		!address.Unmap().IsLoopback() && !secret && files == 0 {
		broken = append(broken, relation{[]string{"bind_address"}, "a node on " + c.BindAddress +
			" needs cluster_secret or cluster_secret_file, so that strangers cannot join (kvs cluster init makes one); " +
			"or clustering_enabled: false, for a node without peers"})
	}
	return broken
}
