package e2e

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	// binaryBytesMax is the size that a released binary stays below.
	binaryBytesMax = 40 << 20
	// exposureMax is how much systemd finds a service to be exposed, from 0 to 10.
	exposureMax = 2.0
)

// needs skips a test where a program is missing, and says which.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not here", name)
		}
	}
}

// released builds the program as make build does.
func released(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "kvs")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "kvs/cmd/kvs")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// TestReleasedBinaryIsStatic: it needs no loader and no library, and is small enough.
func TestReleasedBinaryIsStatic(t *testing.T) {
	if long(t); runtime.GOOS != "linux" {
		t.Skip("no ELF file")
	}
	path := released(t)
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	libraries, err := f.ImportedLibraries()
	if err != nil || len(libraries) > 0 {
		t.Errorf("needs %v, %v", libraries, err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("needs a loader")
		}
	}
	if info, err := os.Stat(path); err != nil || info.Size() >= binaryBytesMax {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
}

// TestServiceIsConfined: systemd itself finds the service little exposed.
func TestServiceIsConfined(t *testing.T) {
	needs(t, "systemd-analyze")
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", "../contrib/systemd/kvs.service").CombinedOutput()
	found := regexp.MustCompile(`Overall exposure level for \S+: (\S+)`).FindStringSubmatch(string(out))
	if found == nil {
		t.Skipf("systemd-analyze cannot tell: %v\n%s", err, out)
	}
	if exposure, err := strconv.ParseFloat(found[1], 64); err != nil || exposure > exposureMax {
		t.Errorf("exposed by %s: %v\n%s", found[1], err, out)
	}
}

// TestServiceIsTold: the service manager hears when the node serves, and when it stops.
func TestServiceIsTold(t *testing.T) {
	needs(t, "python3")
	n := newNode(t, "told")
	socket := filepath.Join(t.TempDir(), "s")
	listen := launchOther(t, n.dir, "python3", "-u", "-c", `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("listening")
while True: print(s.recv(1000).decode())`, socket)
	eventually(t, 5*time.Second, "somebody listens", func() bool { return listen.stdout.has("listening") })
	t.Setenv("NOTIFY_SOCKET", socket)
	n.start()
	eventually(t, 5*time.Second, "READY was said", func() bool { return listen.stdout.has("READY=1") })
	if listen.stdout.has("STOPPING") {
		t.Error("STOPPING was said too early")
	}
	n.stop()
	eventually(t, 5*time.Second, "STOPPING was said", func() bool { return listen.stdout.has("STOPPING=1") })
}

// TestManualHasNoWarnings: man shows the page without complaints.
func TestManualHasNoWarnings(t *testing.T) {
	needs(t, "man", "groff")
	cmd := exec.Command("man", "--warnings", "-l", "../contrib/man/kvs.1")
	cmd.Env = append(os.Environ(), "MANROFFSEQ=", "MANWIDTH=80", "LC_ALL=C.UTF-8")
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 || !strings.Contains(string(out), "kvs config explain") {
		t.Errorf("%v %s", err, complaints.String())
	}
}

// TestDebianPackage: it is built, installed into a root of its own, its node starts and
// stops, and a purge leaves nothing behind.
func TestDebianPackage(t *testing.T) {
	long(t)
	needs(t, "dpkg-deb", "dpkg", "gzip", "install")
	if os.Getuid() != 0 {
		t.Skip("dpkg installs as root alone")
	}
	out, err := exec.Command("../contrib/deb/build.sh", released(t), t.TempDir()).Output()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	file, root := strings.TrimSpace(string(out)), t.TempDir()
	for _, dir := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "etc", "usr/bin"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"status", "available"} {
		if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg", name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dpkg := func(args ...string) {
		t.Helper()
		cmd := exec.Command("dpkg", append([]string{"--root=" + root, "--force-script-chrootless", "--force-architecture", "--log=/dev/null"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("dpkg %v: %v\n%s", args, err, out)
		}
	}
	dpkg("--install", file)
	for _, path := range []string{
		"usr/bin/kvs", "etc/kvs/config.yaml", "usr/lib/systemd/system/kvs.service", "usr/share/man/man1/kvs.1.gz",
		"usr/share/bash-completion/completions/kvs", "usr/share/zsh/vendor-completions/_kvs",
		"usr/share/fish/vendor_completions.d/kvs.fish", "usr/share/doc/kvs/copyright",
	} {
		if info, err := os.Stat(filepath.Join(root, path)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", path, err)
		}
	}
	runInstalled(t, root)
	dpkg("--purge", "kvs")
	for _, path := range []string{"etc/kvs", "var/lib/kvs", "usr/bin/kvs", "usr/lib/systemd/system/kvs.service", "usr/share/doc/kvs"} {
		if _, err := os.Stat(filepath.Join(root, path)); !os.IsNotExist(err) {
			t.Errorf("left behind: %s, %v", path, err)
		}
	}
}

// runInstalled starts the node of a package as its service does, but in another root.
func runInstalled(t *testing.T, root string) {
	t.Helper()
	n := &node{t: t, name: "installed", dir: root, port: freePorts(t, 1)}
	data := filepath.Join(root, "var/lib/kvs")
	n.process = launchOther(t, root, filepath.Join(root, "usr/bin/kvs"), "serve", "-c", filepath.Join(root, "etc/kvs/config.yaml"),
		"--set", "port="+strconv.Itoa(n.port), "--set", "data_dir="+data+"/data", "--set", "backup_path="+data+"/backups",
		"--set", "auth_enabled=false")
	n.awaitServing()
	n.put("k", "1")
	n.stop()
}
