package main

import (
	"io/fs"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"kvs/internal/config"
)

// memoryPart is the part of what a control group allows that Go may use. The rest is for
// the store's mapped files and for code.
const memoryPart = 0.75

// limitMemory tells the garbage collector what to stay below (runtime/debug.SetMemoryLimit):
// what memory_limit_mb says, or a part of what the process's control group allows. A
// GOMEMLIMIT of the environment counts for more than the latter.
func limitMemory(cfg config.Config) {
	switch limit := int64(cfg.MemoryLimitMB) << 20; {
	case limit > 0:
		debug.SetMemoryLimit(limit)
	case os.Getenv("GOMEMLIMIT") != "":
	default:
		if allowed := allowedMemory(os.DirFS("/")); allowed > 0 {
			debug.SetMemoryLimit(int64(memoryPart * float64(allowed)))
		}
	}
}

// allowedMemory is how many bytes the process's control group allows, by the files that
// Linux has of it (cgroups(7)), or 0 if it sets no limit, or there is none.
func allowedMemory(root fs.FS) int64 {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(groups)) {
		// hierarchy:controllers:path; the second version has one hierarchy, without names
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		dir, file := "", ""
		switch {
		case fields[1] == "":
			dir, file = "sys/fs/cgroup", "memory.max"
		case strings.Contains(","+fields[1]+",", ",memory,"):
			dir, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		// Within a container its own group may be shown as the root.
		for _, at := range []string{path.Join(dir, fields[2], file), path.Join(dir, file)} {
			if limit := readLimit(root, at); limit > 0 {
				return limit
			}
		}
	}
	return 0
}

// readLimit reads a number of bytes. What is "max", or beyond any machine, is no limit.
func readLimit(root fs.FS, file string) int64 {
	text, err := fs.ReadFile(root, file)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n > 1<<50 {
		return 0
	}
	return n
}
