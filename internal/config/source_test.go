package config

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Goal: flag over environment over file over default, and each value's origin.
func TestLayers(t *testing.T) {
	s := Source{
		File: "n.yaml",
		Env: []string{"KVS_PORT=9002", "KVS_LOG_LEVEL=debug", "KVS_SEED_NODES=127.0.0.1:1, [::1]:2", "KVS_ZZZ=1",
			"KVS_READ_ONLY=", "KVS_CLUSTER_SECRET=hunter2", "KVS_SYNC_INTERVAL=60"},
		Set: []string{"port=9003", "cors_allowed_origins="},
	}
	l, err := s.parse([]byte("node_id: n\nport: 9001\nread_only: true\nlog_level: warn\n"+
		"cors_allowed_origins: ['https://a.example']\n"), testHost)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]Value{
		"node_id":              {Value: `"n"`, Origin: Origin{FromFile, "n.yaml:1"}},
		"data_dir":             {Value: `"./data-n"`, Origin: Origin{FromFile, "n.yaml:1"}},
		"port":                 {Value: "9003", Origin: Origin{FromFlag, "--set port"}},
		"log_level":            {Value: `"debug"`, Origin: Origin{FromEnv, "KVS_LOG_LEVEL"}},
		"seed_nodes":           {Value: `["127.0.0.1:1", "[::1]:2"]`, Origin: Origin{FromEnv, "KVS_SEED_NODES"}},
		"cors_allowed_origins": {Value: "[]", Origin: Origin{FromFlag, "--set cors_allowed_origins"}},
		"read_only":            {Value: "true", Origin: Origin{FromFile, "n.yaml:3"}},
		"sync_interval":        {Value: "60", Origin: Origin{FromEnv, "KVS_SYNC_INTERVAL"}},
		"cluster_secret":       {Value: "[secret]", Origin: Origin{FromEnv, "KVS_CLUSTER_SECRET"}},
		"bind_address":         {Value: `"127.0.0.1"`, Origin: Origin{From: FromDefault}},
	} {
		all := l.Values()
		i := slices.IndexFunc(all, func(v Value) bool { return v.Key == key })
		if got := all[i]; got.Value != want.Value || got.Origin != want.Origin {
			t.Errorf("%s: %s from %v, want %s from %v", key, got.Value, got.Origin, want.Value, want.Origin)
		}
	}
	if l.ClusterSecret.Reveal() != "hunter2" {
		t.Error("the secret got lost")
	}
}

// Goal: mistakes of all layers come at once, each with its place, and show no secret.
func TestMistakesOfLayers(t *testing.T) {
	s := Source{
		File: "n.yaml",
		Env: []string{"KVS_PORT=tcp://10.0.0.1:8080", "KVS_GOSSIP_INTERVAL_MIN=500", "KVS_SEED_NODES=a:1,b",
			"KVS_BIND_ADDRESS=hunter"},
		Set: []string{"prot=1", "log_level=loud", "novalue", "cluster_secret=hunter2", "nothing_like_it=1"},
	}
	_, err := s.parse([]byte("read_only: perhaps\n"), testHost)
	var file *FileError
	if !errors.As(err, &file) {
		t.Fatal(err)
	}
	for _, want := range []string{
		"n.yaml:1:12: read_only must be true or false",
		`KVS_PORT: port must be a number from 1 to 65535, not "tcp://10.0.0.1:8080"; a service of Kubernetes`,
		"KVS_GOSSIP_INTERVAL_MIN: gossip_interval_min (500) must not be more",
		"KVS_SEED_NODES: seed_nodes is a list with commas, each of which must be host:port",
		`--set: unknown setting "prot", did you mean "port"?`,
		"--set log_level: log_level must be debug",
		"--set novalue: a flag is --set key=value",
		"--set cluster_secret: a secret on the command line is there for everybody on the machine to see",
		`--set: unknown setting "nothing_like_it"`,
		"10 errors. Try: kvs config explain ",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("the report shows a secret")
	}
}

// Goal: a file is read but not made by who starts no node.
func TestReadMakesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	if _, err := (Source{File: path}).Read(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read: %v", err)
	}
	l, created, err := Source{File: path, Set: []string{"port=9000"}}.Open()
	if err != nil || !created || l.Port != 9000 {
		t.Errorf("open: %v %v %d", err, created, l.Port)
	}
	if l, err = (Source{File: path}).Read(); err != nil || l.Port != 8080 {
		t.Errorf("the file took the flag in: %v %d", err, l.Port)
	}
}

// Goal: a misspelt variable is noticed, those of others are left alone, and no variable
// of a command is one of a setting.
func TestStrangers(t *testing.T) {
	got := Strangers([]string{"KVS_PROT=1", "KVS_ADDR=x", "KVS_PORT=1", "PORT=1", "KVS_QQQQQQQQQQQQQQ=1"})
	if len(got) != 1 || got["KVS_PROT"] != "KVS_PORT" {
		t.Errorf("got %v", got)
	}
	for _, s := range settings() {
		if slices.Contains(commandVariables, s.variable()) {
			t.Errorf("%s is taken", s.variable())
		}
	}
}

// Goal: every setting says what it accepts, and what it says is not what it refuses.
func TestSettingsAreDescribed(t *testing.T) {
	for _, s := range Settings() {
		if s.Accepts == "" || s.Help == "" || s.Group == "" || strings.HasPrefix(s.Accepts, "must") {
			t.Errorf("%+v", s)
		}
	}
	if s, _, ok := Find("port"); !ok || s.Accepts != "a number from 1 to 65535" || s.Env != "KVS_PORT" {
		t.Errorf("port: %+v", s)
	}
	if _, meant, ok := Find("prot"); ok || meant != "port" {
		t.Errorf("prot: %q", meant)
	}
}
