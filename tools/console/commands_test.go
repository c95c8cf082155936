package console

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Goal: the commands that the console shows are commands of the program, with the flags
// that it shows. Method: every "kvs ..." in a text of the modules is asked for its help.
func TestCommandsAreThere(t *testing.T) {
	files, err := filepath.Glob("../../httpapi/console/*.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("no modules: %v", err)
	}
	command, flag := regexp.MustCompile("['\"`]kvs ([a-z]+(?: [a-z]+)*)(.*)"), regexp.MustCompile(` --?([a-z-]+)`)
	seen := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range command.FindAllStringSubmatch(string(text), -1) {
			if strings.HasPrefix(m[2], ` 1\0`) {
				continue // what hashes of the audit log begin with
			}
			seen++
			words := strings.Fields(m[1])
			out, err := exec.Command(program, append(words, "--help")...).CombinedOutput()
			help := string(out)
			_, usage, _ := strings.Cut(help, "Usage:\n")
			usage, _, _ = strings.Cut(usage, "\n")
			isGroup := strings.Contains(help, "Available Commands:") && !strings.Contains(help, "kvs conflicts --prefix")
			whole := "kvs " + m[1]
			if err != nil || !strings.Contains(usage, "kvs "+words[0]+" ") || isGroup && !strings.Contains(usage, whole+" ") {
				t.Errorf("%s shows %q: %v, usage %q", filepath.Base(file), whole, err, usage)
				continue
			}
			for _, f := range flag.FindAllStringSubmatch(m[2], -1) {
				if !strings.Contains(help, "--"+f[1]+" ") && !strings.Contains(help, "-"+f[1]+", --") {
					t.Errorf("%s shows %q with --%s, which it does not have", filepath.Base(file), whole, f[1])
				}
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d commands were found", seen)
	}
}
