package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

var uuid = regexp.MustCompile("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")

// userRow and groupRow are users and groups as answers show them.
type userRow struct {
	UUID     string `json:"uuid"`
	Nickname string `json:"nickname"`
	Email    string `json:"email"`
}

type groupRow struct {
	UUID    string   `json:"uuid"`
	Name    string   `json:"name"`
	Members []string `json:"members"`
}

func (r *remote) users(ctx context.Context) (rows []userRow, body []byte, err error) {
	var list struct {
		Users []userRow `json:"users"`
	}
	body, err = r.ask(ctx, http.MethodGet, "/auth/users", "", &list)
	return list.Users, body, err
}

func (r *remote) groups(ctx context.Context) (rows []groupRow, body []byte, err error) {
	var list struct {
		Groups []groupRow `json:"groups"`
	}
	body, err = r.ask(ctx, http.MethodGet, "/auth/groups", "", &list)
	return list.Groups, body, err
}

// user finds the UUID of a user by it, or by a nickname that only one has.
func (r *remote) user(ctx context.Context, name string) (string, error) {
	if uuid.MatchString(name) { // only administrators may ask for the list
		return name, nil
	}
	rows, _, err := r.users(ctx)
	if err != nil {
		return "", err
	}
	found := map[string]string{}
	for _, u := range rows {
		found[u.UUID] = u.Nickname
	}
	return only("user", name, found)
}

// group finds the UUID of a group by it, or by a name that only one has.
func (r *remote) group(ctx context.Context, name string) (string, error) {
	if uuid.MatchString(name) { // only administrators may ask for the list
		return name, nil
	}
	rows, _, err := r.groups(ctx)
	if err != nil {
		return "", err
	}
	found := map[string]string{}
	for _, g := range rows {
		found[g.UUID] = g.Name
	}
	return only("group", name, found)
}

// only finds the one UUID that is called name.
func only(kind, name string, called map[string]string) (string, error) {
	var ids []string
	for id, label := range called {
		if label == name {
			ids = append(ids, id)
		}
	}
	switch len(ids) {
	case 1:
		return ids[0], nil
	case 0:
		return "", &failure{exitNotFound, fmt.Sprintf("there is no %s %q", kind, name), "kvs " + kind + " ls"}
	}
	return "", &failure{exitConflict, fmt.Sprintf("%d %ss are called %q", len(ids), kind, name),
		"the UUID, as kvs " + kind + " ls shows it"}
}

// body is the JSON of a request.
func body(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // strings alone
	}
	return string(text)
}

// made prints what was made: the answer, or the one member of it that is of use.
func made(cmd *cobra.Command, r *remote, path, request, member string) error {
	var answer map[string]any
	out, err := r.ask(cmd.Context(), http.MethodPost, path, request, &answer)
	if err != nil || r.format == "json" {
		return show(cmd, out, err)
	}
	fmt.Fprintln(cmd.OutOrStdout(), answer[member])
	return nil
}

func userCommand(via http.RoundTripper) *cobra.Command {
	var email string
	create := &cobra.Command{
		Use: "create NICKNAME", Short: "Add a user and print its UUID",
		Example: "  kvs user create john --email john@example.com", Args: exactly("NICKNAME"),
	}
	create.Flags().StringVar(&email, "email", "", "the user's address")
	asking(via, create, func(r *remote, args []string) error {
		return made(create, r, "/auth/users", body(map[string]string{"nickname": args[0], "email": email}), "uuid")
	})
	ls := &cobra.Command{Use: "ls", Short: "List the users", Example: "  kvs user ls", Args: exactly()}
	asking(via, ls, func(r *remote, _ []string) error {
		rows, out, err := r.users(ls.Context())
		if err != nil || r.format == "json" {
			return show(ls, out, err)
		}
		return table(ls.OutOrStdout(), func(w io.Writer) {
			fmt.Fprintln(w, "UUID\tNICKNAME\tEMAIL")
			for _, u := range rows {
				fmt.Fprintf(w, "%s\t%s\t%s\n", u.UUID, u.Nickname, u.Email)
			}
		})
	})
	var yes bool
	rm := &cobra.Command{
		Use: "rm USER", Short: "Delete a user; its tokens end",
		Long:    "USER is a UUID, or a nickname that only one user has. Keys that the user owns stay.",
		Example: "  kvs user rm john --yes", Args: exactly("USER"),
	}
	rm.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	asking(via, rm, func(r *remote, args []string) error {
		return remove(rm, r, "user", yes, args[0], r.user)
	})
	return parent(&cobra.Command{
		Use: "user", Short: "Administer users", Example: "  kvs user create john --email john@example.com",
	}, create, ls, rm)
}

func groupCommand(via http.RoundTripper) *cobra.Command {
	var members []string
	create := &cobra.Command{
		Use: "create NAME", Short: "Add a group and print its UUID",
		Example: "  kvs group create ops --member john --member mary", Args: exactly("NAME"),
	}
	create.Flags().StringArrayVar(&members, "member", nil, "a user, by UUID or nickname; again for more")
	asking(via, create, func(r *remote, args []string) error {
		ids := []string{}
		for _, m := range members {
			id, err := r.user(create.Context(), m)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return made(create, r, "/auth/groups", body(map[string]any{"name": args[0], "members": ids}), "uuid")
	})
	ls := &cobra.Command{Use: "ls", Short: "List the groups", Example: "  kvs group ls", Args: exactly()}
	asking(via, ls, func(r *remote, _ []string) error {
		rows, out, err := r.groups(ls.Context())
		if err != nil || r.format == "json" {
			return show(ls, out, err)
		}
		return table(ls.OutOrStdout(), func(w io.Writer) {
			fmt.Fprintln(w, "UUID\tNAME\tMEMBERS")
			for _, g := range rows {
				fmt.Fprintf(w, "%s\t%s\t%s\n", g.UUID, g.Name, strings.Join(g.Members, " "))
			}
		})
	})
	var yes bool
	rm := &cobra.Command{
		Use: "rm GROUP", Short: "Delete a group", Example: "  kvs group rm ops --yes", Args: exactly("GROUP"),
	}
	rm.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	asking(via, rm, func(r *remote, args []string) error {
		return remove(rm, r, "group", yes, args[0], r.group)
	})
	return parent(&cobra.Command{
		Use: "group", Short: "Administer groups", Example: "  kvs group create ops --member john",
	}, create, ls, rm)
}

// remove deletes a user or a group that find knows by the name that was typed.
func remove(cmd *cobra.Command, r *remote, kind string, yes bool, name string,
	find func(context.Context, string) (string, error)) error {
	if err := confirm(cmd, yes, "delete the "+kind+" "+name); err != nil {
		return err
	}
	id, err := find(cmd.Context(), name)
	if err != nil {
		return err
	}
	if _, err := r.call(cmd.Context(), http.MethodDelete, "/auth/"+kind+"s/"+url.PathEscape(id), ""); err != nil {
		return err
	}
	if r.format == "table" {
		fmt.Fprintln(cmd.OutOrStdout(), "deleted:", name)
	}
	return nil
}
