package server

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kvs/httpapi"
	"kvs/internal/auth"
	"kvs/internal/config"
	"kvs/storage"
)

// Goal: records of users and rights that one node writes count on the other, and those
// that make no sense count nowhere; a node's own token works before anybody knows its key.
func TestGuardsAgree(t *testing.T) {
	a := startGuarded(t, "a")
	b := startGuarded(t, "b", a.Address())
	eventually(t, 10*time.Second, "b takes writes", func() bool { return b.api().Health().Mode == "normal" && b.guard.verifier.Load() != nil })
	if c, err := a.guard.Admit([]byte(adminToken(t, a))); err != nil || c.User != auth.AdminUser {
		t.Fatalf("the node's own token: %v %v", c, err)
	}
	_, token := userToken(t, a)
	eventually(t, 10*time.Second, "b accepts what a has signed", func() bool {
		_, err := b.guard.Admit([]byte(token))
		return err == nil
	})
	c, err := b.guard.Admit([]byte(token))
	if err != nil || c.Scope != auth.ScopeRead|auth.ScopeWrite {
		t.Fatalf("%+v %v", c, err)
	}
	eventually(t, 5*time.Second, "each reads the other's cursors", func() bool {
		text, ok := b.guard.Unseal(a.guard.Seal([]byte("x")))
		back, okBack := a.guard.Unseal(b.guard.Seal([]byte("x")))
		return ok && okBack && string(text) == "x" && string(back) == "x"
	})
	acl := auth.ACL{Owner: c.User, Mode: auth.DefaultMode}
	for _, path := range []string{auth.RootPath, "x/y"} {
		if err := b.guard.SetACL(path, acl); err != nil {
			t.Fatal(err)
		}
		eventually(t, 5*time.Second, "a has the rights of "+path, func() bool {
			got, ok := a.guard.Lookup(path)
			return ok && got == acl
		})
	}
	if err := a.guard.DropACL("x/y", ""); err != nil {
		t.Fatal(err)
	}
	if _, ok := a.guard.Lookup("x/y"); ok {
		t.Error("the rights are there after their end was acknowledged")
	}
	eventually(t, 5*time.Second, "b has lost them", func() bool {
		_, ok := b.guard.Lookup("x/y")
		return !ok
	})
	if err := a.guard.Revoke(c.Token.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := a.guard.Admit([]byte(token)); !errors.Is(err, auth.ErrRevoked) {
		t.Errorf("after a revocation: %v", err)
	}
	eventually(t, 5*time.Second, "b lists it as revoked", func() bool {
		list, more := b.guard.Revoked(10)
		return len(list) == 1 && list[0].ID == c.Token.ID && !more
	})
	if err := a.guard.DropUser(c.User); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.guard.Mint(auth.Ticket{User: c.User, Scope: auth.ScopeRead, TTL: time.Hour}); !errors.Is(err, httpapi.ErrUserGone) {
		t.Errorf("a token for a deleted user: %v", err)
	}
	put(t, a, rightsAt+"nonsense", `{"mode":7}`)
	if acl, ok := a.guard.Lookup("nonsense"); ok {
		t.Errorf("a record that makes no sense counts: %v", acl)
	}
}

// Goal: whoever asks while rights change, or are all read anew, sees the rights of
// before or of after, and never none. Method: a key whose rights are switched, below a
// key that would let anybody do anything.
func TestRightsChangeAtOnce(t *testing.T) {
	s := startGuarded(t, "a")
	modes := []auth.Mode{0, 0x001}
	for path, mode := range map[string]auth.Mode{"open": 0xfff, "open/secret": 0} {
		if err := s.guard.SetACL(path, auth.ACL{Mode: mode}); err != nil {
			t.Fatal(err)
		}
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if acl, ok := s.guard.Lookup("open/secret"); !ok || acl.Mode > 1 {
					t.Error("for a moment the rights were", acl, ok)
					return
				}
			}
		})
	}
	for i := range 60 {
		if err := s.guard.SetACL("open/secret", auth.ACL{Mode: modes[i%2]}); err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 {
			s.guard.changed(nil)
		}
	}
	close(stop)
	readers.Wait()
}

// Goal: a key that is rotated stays good for the tokens it has signed.
func TestRotationKeepsTokens(t *testing.T) {
	s := startGuarded(t, "a")
	_, before := userToken(t, s)
	if err := s.guard.RotateKey(); err != nil {
		t.Fatal(err)
	}
	_, after := userToken(t, s)
	for _, token := range []string{before, after, adminToken(t, s)} {
		if _, err := s.guard.Admit([]byte(token)); err != nil {
			t.Error(err)
		}
	}
	eventually(t, 5*time.Second, "both keys are shown", func() bool {
		set, err := s.guard.JWKS()
		return err == nil && len(s.guard.keys.All()) == 2 && strings.Count(string(set), `"kid"`) == 2
	})
}

// Goal: no listing walks the records of the system, whatever its bounds: where a page
// ends would name them.
func TestRangesPassOverTheSystem(t *testing.T) {
	for _, c := range []struct {
		start, end string
		want       [][2]string
	}{
		{"", "", [][2]string{{"", "_"}, {"`", ""}}},
		{"A", "B", [][2]string{{"A", "B"}}},
		{"A", "_", [][2]string{{"A", "_"}}},
		{"A", "_acl/x", [][2]string{{"A", "_"}}},
		{"A", "a", [][2]string{{"A", "_"}, {"`", "a"}}},
		{"_", "", [][2]string{{"`", ""}}},
		{"_acl/x", "_auth", nil},
		{"_acl/x", "b", [][2]string{{"`", "b"}}},
		{"a", "b", [][2]string{{"a", "b"}}},
		{"a", "", [][2]string{{"a", ""}}},
	} {
		for _, back := range []bool{false, true} {
			var want []storage.Walk
			for _, part := range c.want {
				want = append(want, storage.Walk{Start: part[0], End: part[1], Back: back})
			}
			if back {
				slices.Reverse(want)
			}
			if got := besideSystem(httpapi.Walk{Start: c.start, End: c.end, Back: back}); !slices.Equal(got, want) {
				t.Errorf("%q to %q: %+v, want %+v", c.start, c.end, got, want)
			}
		}
	}
	s := startGuarded(t, "a")
	for _, key := range []string{"A", "_acl/A", "_acl/z", "z"} {
		if _, err := s.api().Write(httpapi.Write{Key: key, Value: []byte("1")}); err != nil {
			t.Fatal(err)
		}
	}
	for _, back := range []bool{false, true} {
		var got []string
		_, err := s.api().Walk(httpapi.Walk{Back: back}, func(r httpapi.Record) (string, bool) {
			got = append(got, r.Key)
			return "", true
		})
		if back {
			slices.Reverse(got)
		}
		if err != nil || !slices.Equal(got, []string{"A", "z"}) {
			t.Errorf("backwards %v: %q %v", back, got, err)
		}
	}
}

// Goal: an admin token that was revoked, or whose file is gone, is replaced; one that
// was admitted is still known after a user was added.
func TestAdminTokenComesBack(t *testing.T) {
	s := startGuarded(t, "a")
	first := adminToken(t, s)
	c, err := s.guard.Admit([]byte(first))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.guard.PutUser(auth.UserRequest{Nickname: "n"}.User(time.Now())); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.guard.Recall([]byte(first)); !ok {
		t.Error("a new user made the node forget who has shown a good token")
	}
	if err := s.guard.Revoke(c.Token.ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "another admin token is there", func() bool {
		second := adminToken(t, s)
		_, err := s.guard.Admit([]byte(second))
		return second != first && err == nil
	})
	if err := os.Remove(filepath.Join(s.cfg.DataDir, AdminTokenFile)); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the file is there again", func() bool {
		_, err := os.Stat(filepath.Join(s.cfg.DataDir, AdminTokenFile))
		return err == nil
	})
}

// Goal: the tokens of a user who is disabled are good for nothing, whatever their scope.
func TestDisabledUserIsNobody(t *testing.T) {
	s := startGuarded(t, "a")
	u := auth.UserRequest{Nickname: "n"}.User(time.Now())
	if err := s.guard.PutUser(u); err != nil {
		t.Fatal(err)
	}
	token, _, err := s.guard.Mint(auth.Ticket{User: u.ID, Scope: auth.ScopeAdmin, TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.guard.Admit([]byte(token)); err != nil {
		t.Fatal(err)
	}
	u.Disabled = true
	if err := s.guard.PutUser(u); err != nil {
		t.Fatal(err)
	}
	if _, err := s.guard.Admit([]byte(token)); !errors.Is(err, httpapi.ErrUserGone) {
		t.Errorf("admitted: %v", err)
	}
	if _, ok := s.guard.Recall([]byte(token)); ok {
		t.Error("recalled")
	}
}

// Goal: whoever creates a key owns it, with the rights of default_mode, or of the default.
func TestDefaultMode(t *testing.T) {
	for _, mode := range []string{"", "cdwr,--wr,---r"} {
		s := startWith(t, "a", nil, func(c *config.Config) {
			c.AuthEnabled = true
			if mode != "" {
				c.DefaultMode = mode
			}
		})
		user, token := userToken(t, s)
		if status, text := ask(t, s, "PUT", "/kv/k", "1", token); status != 201 {
			t.Fatalf("%d %s", status, text)
		}
		acl, ok := s.guard.Lookup("k")
		want := auth.DefaultMode.String()
		if mode != "" {
			want = mode
		}
		if !ok || acl.Owner != user || acl.Mode.String() != want {
			t.Errorf("default_mode %q: %+v", mode, acl)
		}
	}
}
