package main

import (
	"math"
	"runtime/debug"
	"testing"
	"testing/fstest"

	"kvs/internal/config"
)

// TestAllowedMemory: both versions of control groups, limits of the group and of a
// container's root, and no limit.
func TestAllowedMemory(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no control groups": {},
		"second version": {map[string]string{
			"proc/self/cgroup": "0::/system.slice/kvs.service\n", "sys/fs/cgroup/system.slice/kvs.service/memory.max": "268435456\n",
		}, 256 << 20},
		"second, no limit": {map[string]string{
			"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n",
		}, 0},
		"second, in a container": {map[string]string{
			"proc/self/cgroup": "0::/docker/4711\n", "sys/fs/cgroup/memory.max": "1048576\n",
		}, 1 << 20},
		"first version": {map[string]string{
			"proc/self/cgroup": "8:pids:/x\n4:cpu,memory:/x\n0::/\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "536870912\n",
		}, 512 << 20},
		"first, no limit": {map[string]string{
			"proc/self/cgroup":                           "4:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 0},
		"nonsense": {map[string]string{"proc/self/cgroup": "0\n::\n4:memory\n"}, 0},
	} {
		files := fstest.MapFS{}
		for path, text := range c.files {
			files[path] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := allowedMemory(files); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestMemoryLimit: what the setting says counts.
func TestMemoryLimit(t *testing.T) {
	was := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(was)
	limitMemory(config.Config{MemoryLimitMB: 100})
	if got := debug.SetMemoryLimit(-1); got != 100<<20 {
		t.Errorf("%d", got)
	}
	debug.SetMemoryLimit(math.MaxInt64)
	t.Setenv("GOMEMLIMIT", "1GiB")
	limitMemory(config.Config{})
	if got := debug.SetMemoryLimit(-1); got != math.MaxInt64 {
		t.Errorf("beside GOMEMLIMIT it was set to %d", got)
	}
}
