package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"kvs/internal/config"
)

// finding is one thing that the doctor would not leave as it is.
type finding struct {
	Severe bool   `json:"severe"` // somebody can read or write what they should not
	Says   string `json:"says"`
	Try    string `json:"try"`
}

// tokenTTLAdvised is how long a token may live without the doctor's asking why.
const tokenTTLAdvised = 720 * time.Hour

func doctorCommand(via http.RoundTripper) *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor [config.yaml]", Short: "Say what is insecure or unwell about a node",
		Long: "Looks at the configuration, the files of the data directory and, if it runs, the node\n" +
			"itself. Exits with 8 if something is severe.",
		Example: "  kvs doctor\n  kvs doctor node1.yaml -o json", Args: atMostOne,
	}
	return asking(via, cmd, func(r *remote, args []string) error {
		path := "config.yaml"
		if len(args) == 1 {
			path = args[0]
		}
		l, err := config.Source{File: path, Env: os.Environ()}.Read()
		switch {
		case errors.As(err, new(*fs.PathError)):
			return usage{fmt.Errorf("%w. Try: kvs doctor with the configuration of the node", err)}
		case err != nil:
			return err
		}
		cfg := l.Config
		found := append(examine(cfg), exposed(path, cfg)...)
		if !r.named {
			r.token = "" // of the context in use, which may be of another node
			r.addr = scheme(cfg) + "://" + net.JoinHostPort(reachable(cfg.BindAddress), strconv.Itoa(cfg.Port))
			if err := r.connect(); err != nil {
				return err
			}
		}
		return diagnose(cmd, r, append(found, r.checkUp(cmd)...))
	})
}

func scheme(cfg config.Config) string {
	if cfg.HTTPTLSCertFile != "" {
		return "https"
	}
	return "http"
}

// reachable is where a node that listens everywhere can be asked from here.
func reachable(bind string) string {
	if ip := net.ParseIP(bind); ip != nil && ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return bind
}

// examine looks for settings that leave a node open.
func examine(cfg config.Config) (found []finding) {
	ip := net.ParseIP(cfg.BindAddress)
	local := ip != nil && ip.IsLoopback()
	add := func(bad, severe bool, says, try string) {
		if bad {
			found = append(found, finding{severe, says, try})
		}
	}
	who := "every program on this machine"
	if !local {
		who = "whoever reaches " + net.JoinHostPort(cfg.BindAddress, strconv.Itoa(cfg.Port))
	}
	add(!cfg.AuthEnabled, !local, who+" may read and write everything", "auth_enabled: true")
	add(!cfg.RateLimitingEnabled, !local && cfg.AuthEnabled, who+" may guess tokens and send requests as fast as they like",
		"rate_limiting_enabled: true")
	add(cfg.AuthEnabled && !local && scheme(cfg) == "http", false,
		"tokens travel in the clear, unless a proxy in front of the node speaks HTTPS",
		"http_tls_cert_file and http_tls_key_file")
	add(!cfg.TamperLoggingEnabled, false, "nobody can say afterwards who changed what", "tamper_logging_enabled: true")
	add(cfg.AuthEnabled && cfg.TokenMaxTTL > tokenTTLAdvised, false,
		"a token that leaks is good for "+cfg.TokenMaxTTL.String(), "token_max_ttl: 720h")
	secret, err := cfg.LoadClusterSecret()
	add(err != nil, true, fmt.Sprint(err), "a file that the node may read")
	add(secret != "" && len(secret) < 16, true, "the cluster secret is short enough to guess: who does joins as a node",
		"cluster_secret_file with 32 random bytes, as kvs cluster init draws them")
	add(cfg.AllowMixedAuth, !local, "rights count for nothing on a member without auth_enabled, and it replicates what it is told",
		"allow_mixed_auth: false, once all nodes have the same auth_enabled")
	return found
}

// exposed looks for secrets in files that others may read.
func exposed(path string, cfg config.Config) (found []finding) {
	if runtime.GOOS == "windows" {
		return nil // has no such bits
	}
	secrets := []string{filepath.Join(cfg.DataDir, "*.key"), filepath.Join(cfg.DataDir, "*.token"),
		cfg.ClusterSecretFile, cfg.HTTPTLSKeyFile, cfg.TLSKeyFile}
	if cfg.ClusterSecret != "" {
		secrets = append(secrets, path)
	}
	for _, pattern := range secrets {
		files, _ := filepath.Glob(pattern) // "" matches nothing
		for _, f := range files {
			if mode, ok := permissions(f); ok && mode&0o077 != 0 {
				found = append(found, finding{true, fmt.Sprintf("%s holds a secret, and its mode %04o opens it to others", f, mode),
					"chmod 600 " + f})
			}
		}
	}
	if mode, ok := permissions(cfg.DataDir); ok && mode&0o077 != 0 {
		found = append(found, finding{mode&0o007 != 0,
			fmt.Sprintf("data_dir %s holds all data, and its mode %04o opens it to others", cfg.DataDir, mode),
			"chmod 700 " + cfg.DataDir})
	}
	return found
}

// permissions are those of a file; false if there is none.
func permissions(path string) (fs.FileMode, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	return info.Mode().Perm(), true
}

// checkUp asks the node itself how it is.
func (r *remote) checkUp(cmd *cobra.Command) []finding {
	var h struct {
		Status  string   `json:"status"`
		Mode    string   `json:"mode"`
		Reasons []string `json:"reasons"`
	}
	_, err := r.ask(cmd.Context(), http.MethodGet, "/health", "", &h)
	var f *failure
	switch {
	case errors.As(err, &f) && f.code == exitUnreachable:
		return []finding{{false, "the node does not answer at " + r.addr + ", so it was not asked", "kvs doctor --addr, or start it"}}
	case err != nil:
		return []finding{{true, err.Error(), "kvs sync status"}}
	}
	var found []finding
	for _, reason := range h.Reasons {
		found = append(found, finding{true, "the node is " + h.Status + ": " + reason, "kvs sync status"})
	}
	if h.Status != "ok" && len(found) == 0 {
		found = append(found, finding{true, "the node is " + h.Status, "kvs sync status"})
	}
	return found
}

// diagnose prints what was found, and fails if any of it is severe.
func diagnose(cmd *cobra.Command, r *remote, found []finding) error {
	severe := 0
	for _, f := range found {
		if f.Severe {
			severe++
		}
	}
	if r.format == "json" {
		fmt.Fprintln(cmd.OutOrStdout(), body(map[string]any{"findings": append([]finding{}, found...)}))
	} else {
		printFindings(cmd.OutOrStdout(), found)
	}
	if severe > 0 {
		return &failure{exitNotConverged, fmt.Sprintf("%d of %d findings are severe", severe, len(found)), "what stands below each"}
	}
	return nil
}

func printFindings(out io.Writer, found []finding) {
	if len(found) == 0 {
		fmt.Fprintln(out, "nothing found: the settings, the files and the node are as they should be")
	}
	for _, f := range found {
		word := "advice"
		if f.Severe {
			word = "SEVERE"
		}
		fmt.Fprintf(out, "%s  %s\n        Try: %s\n", word, f.Says, f.Try)
	}
}
