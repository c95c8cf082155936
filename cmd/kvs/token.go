package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kvs/internal/auth"
	"kvs/internal/server"
)

func tokenCommand(via http.RoundTripper) *cobra.Command {
	var scopes []string
	var ttl, prefix string
	create := &cobra.Command{
		Use: "create USER", Short: "Make a token for a user and print it",
		Long: "USER is a UUID, or a nickname that only one user has. The token is shown this once.",
		Example: "  kvs token create john --scope read,write --ttl 1h\n" +
			"  kvs token create john --scope read --path users/john", Args: exactly("USER"),
	}
	create.Flags().StringSliceVar(&scopes, "scope", []string{"read"}, "read, write (create, write, delete) or admin")
	create.Flags().StringVar(&ttl, "ttl", "", `how long it lives, such as "1h"; the node's token_ttl if not given`)
	create.Flags().StringVar(&prefix, "path", "", "the key or subtree that it is good for; all if not given")
	asking(via, create, func(r *remote, args []string) error {
		id, err := r.user(create.Context(), args[0])
		if err != nil {
			return err
		}
		request := body(map[string]any{"user_uuid": id, "scopes": scopes, "ttl": ttl, "path_prefix": prefix})
		return made(create, r, "/auth/tokens", request, "token")
	})
	revoke := &cobra.Command{
		Use: "revoke JTI", Short: "End a token on all nodes",
		Long:    "JTI is the id of the token, as kvs token inspect shows it.",
		Example: "  kvs token revoke 3q2-7wAAAAAAAAAAAAAAAA", Args: exactly("JTI"),
	}
	asking(via, revoke, func(r *remote, args []string) error {
		_, err := r.call(revoke.Context(), http.MethodDelete, "/auth/tokens/"+url.PathEscape(args[0]), "")
		if err == nil && r.format == "table" {
			fmt.Fprintln(revoke.OutOrStdout(), "revoked:", args[0])
		}
		return err
	})
	ls := &cobra.Command{
		Use: "ls", Short: "List the tokens that were ended before their time",
		Long: "Nodes keep no token that they make, so they cannot list those that are good: the audit log has who\n" +
			"made which. A token that was ended is remembered until no token lives as long.",
		Example: "  kvs token ls\n  kvs audit tail", Args: exactly(),
	}
	asking(via, ls, func(r *remote, _ []string) error { return r.listRevoked(ls) })
	whoami := &cobra.Command{
		Use: "whoami", Short: "Say what the node takes the token in use for",
		Example: "  kvs token whoami --token-file ./data/admin.token", Args: exactly(),
	}
	asking(via, whoami, func(r *remote, _ []string) error {
		out, err := r.call(whoami.Context(), http.MethodGet, "/auth/whoami", "")
		return show(whoami, out, err)
	})
	return parent(&cobra.Command{
		Use: "token", Short: "Make, inspect and end tokens",
		Example: "  kvs token create john --scope read,write --ttl 1h\n  kvs token mint --data-dir ./data",
	}, create, ls, revoke, whoami, inspectCommand(), mintCommand())
}

func (r *remote) listRevoked(cmd *cobra.Command) error {
	var all struct {
		Revoked []struct {
			ID   string `json:"jti"`
			Kept int64  `json:"kept_until"`
		} `json:"revoked"`
		More bool `json:"more"`
	}
	body, err := r.ask(cmd.Context(), http.MethodGet, "/auth/tokens", "", &all)
	if err != nil || r.format == "json" {
		return show(cmd, body, err)
	}
	err = table(cmd.OutOrStdout(), func(w io.Writer) {
		fmt.Fprintln(w, "REVOKED\tREMEMBERED UNTIL")
		for _, t := range all.Revoked {
			fmt.Fprintf(w, "%s\t%s\n", t.ID, time.UnixMilli(t.Kept).UTC().Format(time.RFC3339))
		}
	})
	if all.More {
		fmt.Fprintln(cmd.ErrOrStderr(), "there are more")
	}
	return err
}

// inspectCommand shows a token's claims, without a node and without verifying it.
func inspectCommand() *cobra.Command {
	return &cobra.Command{
		Use: "inspect [FILE]", Short: "Show what a token says, without verifying it",
		Long:    "Reads the token from FILE, or from standard input.",
		Example: "  kvs token inspect ./data/admin.token\n  echo $TOKEN | kvs token inspect", Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), auth.TokenBytesMax+1)).ReadString('\n')
			if len(args) == 1 {
				var raw []byte
				raw, err = os.ReadFile(args[0])
				text = string(raw)
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return usage{fmt.Errorf("%w. Try: kvs token inspect DATA_DIR/admin.token", err)}
			}
			claims, err := claimsOf(text)
			if err != nil {
				return usage{err}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n", claims)
			return nil
		},
	}
}

// claimsOf is the middle part of a token.
func claimsOf(token string) ([]byte, error) {
	parts := strings.Split(strings.TrimSpace(token), ".")
	if len(parts) == 3 {
		if raw, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil && json.Valid(raw) {
			return raw, nil
		}
	}
	return nil, errors.New("this is not a token: three parts of base64 with dots between them are expected. " +
		"Try: kvs token inspect DATA_DIR/admin.token")
}

// mintCommand signs a token with the key of a directory, beside a node or without
// one: who may read the key may do everything anyway.
func mintCommand() *cobra.Command {
	var dir, user string
	var scopes []string
	var prefix string
	var ttl time.Duration
	cmd := &cobra.Command{
		Use: "mint", Short: "Sign a token with the key in a data directory, offline",
		Long: "Reads node.key and, for the name of the cluster, admin.token; the node need not run.\n" +
			"Without --user the token is an administrator's. It is good on every node that knows\n" +
			"the key, if the nodes' token_max_ttl is not below --ttl.",
		Example: "  kvs token mint --data-dir ./data\n" +
			"  kvs token mint --data-dir ./data --user 4d67ad26-2f89-456c-a3ed-097a05fa36d6 --scope read --ttl 10m",
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			scope, err := auth.ParseScope(scopes)
			if err != nil {
				return usage{fmt.Errorf("--scope: %w. Try: --scope read,write", err)}
			}
			if user == string(auth.AdminUser) && scope != auth.ScopeAdmin {
				return usage{errors.New("an administrator's token has the scope admin. Try: --user UUID --scope read")}
			}
			token, err := mint(dir, auth.Ticket{User: auth.UserID(user), Scope: scope, PathPrefix: prefix, TTL: ttl})
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), token)
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "data-dir", "./data", "the node's data_dir")
	cmd.Flags().StringVar(&user, "user", string(auth.AdminUser), "UUID of the user; the node's administrator if not given")
	cmd.Flags().StringSliceVar(&scopes, "scope", []string{"admin"}, "read, write or admin")
	cmd.Flags().StringVar(&prefix, "path", "", "the key or subtree that it is good for; all if not given")
	cmd.Flags().DurationVar(&ttl, "ttl", time.Hour, "how long it lives")
	return cmd
}

// mint signs with the key of a directory, in the name of the cluster that its
// admin token is of.
func mint(dir string, ticket auth.Ticket) (string, error) {
	key, err := auth.LoadKey(dir)
	if err != nil {
		return "", noDirectory(dir, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, server.AdminTokenFile))
	if err != nil {
		return "", noDirectory(dir, err)
	}
	claims, err := claimsOf(string(text))
	var from struct {
		Issuer string `json:"iss"`
	}
	if err == nil {
		err = json.Unmarshal(claims, &from)
	}
	if err != nil || from.Issuer == "" {
		return "", &failure{exitOther, server.AdminTokenFile + " in " + dir + " is not a token",
			"start the node once: it writes the file anew"}
	}
	token, _, err := key.Mint(from.Issuer, ticket, time.Now())
	if err != nil {
		return "", usage{fmt.Errorf("%w. Try: kvs token mint --help", err)}
	}
	return token, nil
}

// noDirectory words why a directory cannot be signed in the name of.
func noDirectory(dir string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &failure{exitNotFound, dir + " is not the data_dir of a node that has run with auth_enabled: true: " +
			err.Error(), "--data-dir with the data_dir of its configuration"}
	}
	return &failure{exitForbidden, err.Error(), "as the user that the node runs as"}
}

func keyCommand(via http.RoundTripper) *cobra.Command {
	rotate := &cobra.Command{
		Use: "rotate", Short: "Make the node sign with a new key",
		Long:    "Tokens that are signed with the old key stay good until they end.",
		Example: "  kvs key rotate", Args: exactly(),
	}
	asking(via, rotate, func(r *remote, _ []string) error {
		_, err := r.call(rotate.Context(), http.MethodPost, "/auth/keys/rotate", "")
		if err == nil && r.format == "table" {
			fmt.Fprintln(rotate.OutOrStdout(), "the node signs with a new key")
		}
		return err
	})
	ls := &cobra.Command{
		Use: "ls", Short: "List the keys that tokens are verified with", Example: "  kvs key ls", Args: exactly(),
	}
	asking(via, ls, func(r *remote, _ []string) error {
		var set struct {
			Keys []struct {
				Kid string `json:"kid"`
				Alg string `json:"alg"`
				X   string `json:"x"`
			} `json:"keys"`
		}
		out, err := r.ask(ls.Context(), http.MethodGet, "/.well-known/jwks.json", "", &set)
		if err != nil || r.format == "json" {
			return show(ls, out, err)
		}
		return table(ls.OutOrStdout(), func(w io.Writer) {
			fmt.Fprintln(w, "KID\tALGORITHM\tPUBLIC KEY")
			for _, k := range set.Keys {
				fmt.Fprintf(w, "%s\t%s\t%s\n", k.Kid, k.Alg, k.X)
			}
		})
	})
	return parent(&cobra.Command{
		Use: "key", Short: "Administer the keys that sign tokens", Example: "  kvs key rotate",
	}, rotate, ls)
}
