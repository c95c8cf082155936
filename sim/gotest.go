package sim

import (
	"errors"
	"fmt"
	"strings"

	"kvs/statemachine/keyspace"
)

// GoTest is the source of a test for package sim that plays the script, and fails for
// as long as the script does. name is what follows on Test.
func (s *Script) GoTest(name string) string {
	imports, skip := "import \"testing\"", ""
	if s.Options.Mutant != keyspace.MutantNone {
		imports = "import (\n\t\"testing\"\n\n\t\"kvs/statemachine/keyspace\"\n)"
		skip = "\tif !keyspace.MutantsCompiledIn {\n\t\tt.Skip(\"needs the build tag mutants\")\n\t}\n"
	}
	text := strings.ReplaceAll(s.String(), "`", "` + \"`\" + `")
	return fmt.Sprintf(`package sim

%s

// Goal: what sim shrink has found never happens again: a failure of the oracle %q.
func Test%s(t *testing.T) {
%s	r, err := Replay(script%[3]s)
	if err != nil {
		t.Fatal(err)
	}
	if r.Failure != nil {
		t.Error(r.Failure)
	}
}

const script%[3]s = `+"`%[5]s`\n", imports, s.Failed, name, skip, text)
}

// ErrNoMutants says that a script breaks a rule which this build cannot break.
var ErrNoMutants = errors.New("this build cannot break the rules of the core; build it with -tags mutants")

// Replay plays a script that is given as text.
func Replay(text string) (Result, error) {
	s, err := ReadScript(strings.NewReader(text))
	if err != nil {
		return Result{}, err
	}
	if s.Options.Mutant != keyspace.MutantNone && !keyspace.MutantsCompiledIn {
		return Result{}, ErrNoMutants
	}
	return s.Play(), nil
}
