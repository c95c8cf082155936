package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"kvs/internal/config"
	"kvs/internal/durable"
)

// settingsOf is where a command takes the settings of a node from.
type settingsOf struct {
	file string
	set  []string
}

func (s *settingsOf) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&s.file, "config", "c", configName, "the configuration")
	cmd.Flags().StringArrayVar(&s.set, "set", nil, "a setting to change, key=value; again for more")
}

func (s *settingsOf) source() config.Source {
	return config.Source{File: s.file, Env: os.Environ(), Set: s.set}
}

// read reads a configuration that must be there.
func (s *settingsOf) read() (config.Layered, error) {
	l, err := s.source().Read()
	if errors.Is(err, fs.ErrNotExist) {
		return l, noConfig(s.file)
	}
	return l, err
}

func noConfig(path string) error {
	return &failure{exitNotFound, "there is no " + path + " here", "kvs config init " + path}
}

func configCommand(via http.RoundTripper) *cobra.Command {
	return parent(&cobra.Command{
		Use: "config", Short: "Make, check and explain configurations",
		Example: "  kvs config check\n  kvs config show --origin\n  kvs config explain port",
	}, configInitCommand(), configCheckCommand(), configShowCommand(), configExplainCommand(), configFmtCommand(),
		configReloadCommand(via))
}

func configInitCommand() *cobra.Command {
	return &cobra.Command{
		Use: "init [config.yaml]", Short: "Write a commented configuration with all defaults",
		Example: "  kvs config init\n  kvs config init node1.yaml", Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			path := configPath(args)
			if err := config.WriteNew(path, func(*config.Config) {}); err != nil {
				if errors.Is(err, fs.ErrExist) {
					return &failure{exitConflict, err.Error(), "another name, or kvs config check " + path}
				}
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "wrote", path)
			return nil
		},
	}
}

func configCheckCommand() *cobra.Command {
	var from settingsOf
	cmd := &cobra.Command{
		Use: "check [config.yaml]", Short: "Say all that is wrong with a configuration",
		Long: "Reads the file, the variables KVS_* and --set as a node would at its start, and names\n" +
			"every mistake with its place. Nothing is started or written.",
		Example: "  kvs config check\n  kvs config check node1.yaml --set port=9000", Args: atMostOne,
	}
	cmd.Flags().StringArrayVar(&from.set, "set", nil, "a setting to change, key=value; again for more")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		from.file = configPath(args)
		l, err := from.read()
		if err != nil {
			return err
		}
		warnStrangers(cmd.ErrOrStderr())
		set := 0
		for _, v := range l.Values() {
			if v.Origin.From != config.FromDefault {
				set++
			}
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s is good: %d settings set, %d at their defaults\n",
			from.file, set, len(l.Values())-set)
		return nil
	}
	return cmd
}

// warnStrangers names the variables that nobody reads, and that are probably meant for
// a setting.
func warnStrangers(out io.Writer) {
	for name, meant := range config.Strangers(os.Environ()) {
		fmt.Fprintf(out, "warning: no setting has the variable %s; is %s meant?\n", name, meant)
	}
}

func configShowCommand() *cobra.Command {
	var from settingsOf
	var origin, changed bool
	var o output
	cmd := &cobra.Command{
		Use: "show", Short: "Show the settings that a node would start with",
		Long: "A flag counts for more than a variable KVS_*, that for more than the file, and the file\n" +
			"for more than a default. Of secrets it only says whether they are set.",
		Example: "  kvs config show --origin\n  kvs config show --changed -c node1.yaml\n  kvs config show -o json",
		Args:    exactly(),
	}
	from.flags(cmd)
	cmd.Flags().BoolVar(&origin, "origin", false, "name the file and line, the variable or the flag of each value")
	cmd.Flags().BoolVar(&changed, "changed", false, "leave out what is at its default")
	o.outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		finish, err := o.begin(cmd)
		if err != nil {
			return err
		}
		defer finish()
		l, err := from.read()
		if err != nil {
			return err
		}
		var rows []config.Value
		for _, v := range l.Values() {
			if !changed || v.Origin.From != config.FromDefault {
				rows = append(rows, v)
			}
		}
		if o.format == "json" {
			return printSettings(cmd.OutOrStdout(), rows)
		}
		return table(cmd.OutOrStdout(), func(w io.Writer) {
			for _, v := range rows {
				line := v.Key + ": " + v.Value
				if origin {
					line += "\t# " + place(v.Origin)
				}
				fmt.Fprintln(w, line)
			}
		})
	}
	return cmd
}

func place(o config.Origin) string {
	if o.At == "" {
		return string(o.From)
	}
	return o.At
}

// printSettings prints values with their origins as JSON.
func printSettings(out io.Writer, rows []config.Value) error {
	type origin struct {
		Key    string `json:"key"`
		Value  string `json:"value"`
		Origin string `json:"origin"`
		At     string `json:"at,omitempty"`
	}
	shown := []origin{}
	for _, v := range rows {
		shown = append(shown, origin{v.Key, v.Value, string(v.Origin.From), v.Origin.At})
	}
	lines := json.NewEncoder(out)
	lines.SetIndent("", "  ")
	lines.SetEscapeHTML(false)
	return lines.Encode(shown)
}

func configExplainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain SETTING", Short: "Say what a setting does, and which values it takes",
		Example: "  kvs config explain port\n  kvs config explain KVS_PORT", Args: exactly("SETTING"),
		RunE: func(cmd *cobra.Command, args []string) error {
			key := strings.ToLower(strings.TrimPrefix(args[0], "KVS_"))
			s, meant, ok := config.Find(key)
			if !ok {
				try := "kvs config show, for all there are"
				if meant != "" {
					try = "kvs config explain " + meant
				}
				return &failure{exitNotFound, fmt.Sprintf("there is no setting %q", args[0]), try}
			}
			return explainSetting(cmd.OutOrStdout(), s)
		},
	}
}

func explainSetting(out io.Writer, s config.Setting) error {
	fmt.Fprintf(out, "%s: %s\n\n", s.Key, s.Help)
	return table(out, func(w io.Writer) {
		fmt.Fprintf(w, "group\t%s\naccepts\t%s\ndefault\t%s\nvariable\t%s\n", s.Group, s.Accepts, s.Default, s.Env)
		if s.Needs != "" {
			fmt.Fprintf(w, "needs\t%s: true\n", s.Needs)
		}
		how := "takes a new value at its next start"
		if s.Reload {
			how = "takes a new value while it runs: kvs config reload"
		}
		fmt.Fprintf(w, "a node\t%s\n", how)
		if s.Secret {
			fmt.Fprintln(w, "note\ta secret: no command or answer shows it")
		}
	})
}

func configFmtCommand() *cobra.Command {
	var diff bool
	cmd := &cobra.Command{
		Use: "fmt [config.yaml]", Short: "Put a configuration in order",
		Long: "Settings get into the order of kvs config init, and comments below each other; values\n" +
			"and comments stay as they are. With --diff nothing is written: it shows what would\n" +
			"change, and exits with 1 if anything would.",
		Example: "  kvs config fmt\n  kvs config fmt node1.yaml --diff", Args: atMostOne,
	}
	cmd.Flags().BoolVarP(&diff, "diff", "d", false, "show what would change, and write nothing")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path := configPath(args)
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return noConfig(path)
		}
		if err != nil {
			return fmt.Errorf("read configuration: %w. Try: as a user who may read it", err)
		}
		formed, err := config.Format(path, text)
		switch {
		case err != nil || formed == string(text):
			return err
		case diff:
			fmt.Fprint(cmd.OutOrStdout(), lineDiff(path, path+" in order", string(text), formed))
			return &failure{exitOther, path + " is not in order", "kvs config fmt " + path}
		}
		if err := durable.WriteFile(path, []byte(formed)); err != nil {
			return fmt.Errorf("write configuration: %w. Try: as a user who may write beside it, or --diff", err)
		}
		fmt.Fprintln(cmd.OutOrStdout(), "put in order:", path)
		return nil
	}
	return cmd
}

func configReloadCommand(via http.RoundTripper) *cobra.Command {
	cmd := &cobra.Command{
		Use: "reload", Short: "Have a running node read its configuration again",
		Long: "The node takes over all new values, or none: it refuses if the configuration has a\n" +
			"mistake, or if a setting has changed that it takes at its start only. SIGHUP does the\n" +
			"same, and says in the log how it went.",
		Example: "  kvs config reload\n  kvs config reload --addr http://10.0.0.2:8080", Args: exactly(),
	}
	return asking(via, cmd, func(r *remote, _ []string) error {
		var answer struct {
			Changed []string `json:"changed"`
		}
		out, err := r.ask(cmd.Context(), http.MethodPost, "/config/reload", "", &answer)
		if err != nil || r.format == "json" {
			return show(cmd, out, err)
		}
		if len(answer.Changed) == 0 {
			fmt.Fprintln(cmd.OutOrStdout(), "nothing has changed")
			return nil
		}
		fmt.Fprintln(cmd.OutOrStdout(), "changed:", strings.Join(answer.Changed, " "))
		return nil
	})
}
