package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"kvs/client"
	"kvs/internal/auth"
)

// rightsRow is the rights of a key as the API shows and takes them.
type rightsRow struct {
	Owner     string `json:"owner"`
	Group     string `json:"group"`
	Mode      string `json:"mode"`
	Inherited bool   `json:"inherited,omitempty"`
}

// rightsPath is where the API has the rights of a key; "/" is the root.
func rightsPath(key string) string {
	if key == auth.RootPath {
		return "/acl/"
	}
	return "/acl/" + client.EscapeKey(key)
}

func aclCommand(via http.RoundTripper) *cobra.Command {
	cmd := &cobra.Command{
		Use: "acl KEY", Short: "Show the rights of a key",
		Long:    "They are those of the nearest key above where none were set. The root is /.",
		Example: "  kvs acl users/john\n  kvs acl /", Args: exactly("KEY"),
	}
	return asking(via, cmd, func(r *remote, args []string) error {
		var row rightsRow
		out, err := r.ask(cmd.Context(), http.MethodGet, rightsPath(args[0]), "", &row)
		if err != nil || r.format == "json" {
			return show(cmd, out, err)
		}
		from := ""
		if row.Inherited {
			from = "  (inherited)"
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s  owner %s  group %s%s\n", row.Mode, orNone(row.Owner), orNone(row.Group), from)
		return nil
	})
}

func orNone(id string) string {
	if id == "" {
		return "none"
	}
	return id
}

func chmodCommand(via http.RoundTripper) *cobra.Command {
	cmd := &cobra.Command{
		Use: "chmod MODE KEY", Short: "Set who may create, delete, write and read at a key",
		Long: "MODE is twelve letters, create, delete, write and read for owner, group and others,\n" +
			"or three hexadecimal digits. It holds for all keys below that have none of their own.",
		Example: "  kvs chmod cdwr,c-wr,---r users/john\n  kvs chmod fb1 users/john", Args: exactly("MODE", "KEY"),
	}
	return asking(via, cmd, func(r *remote, args []string) error {
		mode, err := auth.ParseMode(args[0])
		if err != nil {
			return usage{fmt.Errorf("%w. Try: kvs chmod cdwr,c-wr,---- %s", err, args[1])}
		}
		return r.changeRights(cmd, args[1], func(row *rightsRow) error {
			row.Mode = mode.String()
			return nil
		})
	})
}

func chownCommand(via http.RoundTripper) *cobra.Command {
	cmd := &cobra.Command{
		Use: "chown OWNER[:GROUP] KEY", Short: "Give a key to another owner or group",
		Long: "Owner and group are UUIDs, or names that only one has. A part that is empty stays as it\n" +
			"is, \"none\" takes it away.",
		Example: "  kvs chown john users/john\n  kvs chown :ops rooms", Args: exactly("OWNER[:GROUP]", "KEY"),
	}
	return asking(via, cmd, func(r *remote, args []string) error {
		owner, group, _ := strings.Cut(args[0], ":")
		return r.changeRights(cmd, args[1], func(row *rightsRow) error {
			if err := rename(cmd.Context(), &row.Owner, owner, r.user); err != nil {
				return err
			}
			return rename(cmd.Context(), &row.Group, group, r.group)
		})
	})
}

// rename replaces an id by the one that name stands for.
func rename(ctx context.Context, id *string, name string, find func(context.Context, string) (string, error)) (err error) {
	switch name {
	case "":
	case "none":
		*id = ""
	default:
		*id, err = find(ctx, name)
	}
	return err
}

// changeRights reads the rights of a key, changes them and writes them back.
func (r *remote) changeRights(cmd *cobra.Command, key string, change func(*rightsRow) error) error {
	var row rightsRow
	path := rightsPath(key)
	if _, err := r.ask(cmd.Context(), http.MethodGet, path, "", &row); err != nil {
		return err
	}
	row.Inherited = false
	if err := change(&row); err != nil {
		return err
	}
	if _, err := r.call(cmd.Context(), http.MethodPut, path, body(row)); err != nil {
		return err
	}
	if r.format == "table" {
		fmt.Fprintf(cmd.OutOrStdout(), "%s  owner %s  group %s\n", row.Mode, orNone(row.Owner), orNone(row.Group))
	}
	return nil
}
