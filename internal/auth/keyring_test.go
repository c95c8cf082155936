package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Goal: a key is created once, for its owner alone, and stays.
func TestKeyFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadKey(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("LoadKey in an empty directory: %v", err)
	}
	first, err := OpenKeyring(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, KeyFile)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	second, err := OpenKeyring(dir)
	if err != nil || second.Current().Kid() != first.Current().Kid() {
		t.Errorf("another key: %v", err)
	}
	rotated, err := second.Rotate()
	if err != nil || rotated.Kid() == first.Current().Kid() ||
		second.Current().Kid() != rotated.Kid() {
		t.Errorf("rotation: %v", err)
	}
	loaded, err := LoadKey(dir)
	if err != nil || loaded.Kid() != rotated.Kid() {
		t.Errorf("the rotated key is not on disk: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left over: %v", left)
	}
	text, _ := os.ReadFile(path)
	for _, shown := range []string{fmt.Sprintf("%v %+v %#v %s", loaded, loaded, loaded, loaded)} {
		if strings.Contains(shown, "[") || strings.Contains(string(text), shown) {
			t.Errorf("printing shows %q", shown)
		}
	}
}

// Goal: a key that others can read or that is damaged is refused with what to
// do about it, and never replaced.
func TestKeyFilesThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, KeyFile)
	if _, err := OpenKeyring(dir); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		mode fs.FileMode
		text string
		want string // "" for accepted.
	}{
		"good":           {0o600, string(good), ""},
		"read-only":      {0o400, string(good), ""},
		"group reads":    {0o640, string(good), "run chmod 600 " + path},
		"others read":    {0o604, string(good), "run chmod 600 " + path},
		"group writes":   {0o620, string(good), "run chmod 600 " + path},
		"empty":          {0o600, "", "not an Ed25519 key"},
		"torn":           {0o600, string(good[:len(good)/2]), "not an Ed25519 key"},
		"something more": {0o600, string(good) + "x", "not an Ed25519 key"},
		"twice":          {0o600, string(good) + string(good), "not an Ed25519 key"},
		"large":          {0o600, strings.Repeat("\n", 5000) + string(good), "longer than"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		_, err := OpenKeyring(dir)
		if c.want == "" && err != nil || c.want != "" && (err == nil ||
			!strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if text, _ := os.ReadFile(path); string(text) != c.text {
			t.Errorf("%s: the file was changed", name)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeyring(dir); err == nil || !strings.Contains(err.Error(), "regular") {
		t.Errorf("a directory: %v", err)
	}
}

// Goal: tokens of a rotated key live on for the overlap, and not longer;
// Reconcile has nothing to add once its records are written.
func TestRotationOverlaps(t *testing.T) {
	w := newWorld(t)
	old, _ := w.mint()
	overlap := time.Hour
	next := testKey(2).Public(testReplica, w.now())
	other := testKey(3).Public(strings.Repeat("f", 32), w.now())
	w.must(w.keys.Put(other))
	changes := Reconcile(w.keys.All(), next, overlap, w.now())
	for _, c := range changes {
		w.must(w.keys.Put(c))
	}
	if again := Reconcile(w.keys.All(), next, overlap, w.now()); len(changes) != 2 || len(again) != 0 {
		t.Errorf("%v, then %v", changes, again)
	}
	for _, k := range w.keys.All() {
		if k.Kid == other.Kid && k != other {
			t.Error("another replica's key was touched")
		}
	}
	fresh, _, err := testKey(2).Mint(testIssuer, Ticket{testUser, ScopeRead, "", 2 * time.Hour}, w.now())
	w.must(err)
	w.want(old, nil)
	w.want(fresh, nil)
	w.seconds.Add(3600 + 29)
	w.want(old, nil) // Its whole life.
	w.seconds.Add(1)
	w.want(old, ErrUnknownKey)
	w.want(fresh, nil)
}

// Goal: the record of a key survives its encoding; one that is not sound is
// refused.
func TestPublicKeyRecord(t *testing.T) {
	good := testKey(1).Public(testReplica, testStart())
	if got, err := ParsePublicKey([]byte(toJSON(good))); err != nil || got != good {
		t.Errorf("%+v, %v", got, err)
	}
	for name, spoil := range map[string]func(*PublicKey){
		"kid of another": func(k *PublicKey) { k.Kid = testKey(2).kid },
		"key":            func(k *PublicKey) { k.Key = "AAAA" },
		"key, padded":    func(k *PublicKey) { k.Key += "=" },
		"key, break":     func(k *PublicKey) { k.Key += "\n" },
		"replica":        func(k *PublicKey) { k.Replica = strings.ToUpper(k.Replica) },
		"short replica":  func(k *PublicKey) { k.Replica = "" },
		"created":        func(k *PublicKey) { k.Created = 0 },
		"not_after":      func(k *PublicKey) { k.NotAfter = k.Created - 1 },
		"never":          func(k *PublicKey) { k.NotAfter = 1 << 62 },
	} {
		bad := good
		spoil(&bad)
		if _, err := ParsePublicKey([]byte(toJSON(bad))); err == nil {
			t.Errorf("%s is accepted", name)
		}
		keys := NewKeys()
		if err := keys.Replace([]PublicKey{good, bad}); err == nil || len(keys.All()) != 0 {
			t.Errorf("%s: %v, %v", name, err, keys.All())
		}
	}
	if _, err := ParsePublicKey([]byte(add(toJSON(good), `"Revoked":false`))); err == nil {
		t.Error("an unknown member is accepted")
	}
}

// Goal: the JWK set has the shape of RFC 8037's example and only what verifies.
func TestJWKS(t *testing.T) {
	keys := NewKeys()
	text, err := keys.JWKS(testStart())
	if err != nil || string(text) != `{"keys":[]}` {
		t.Errorf("%s, %v", text, err)
	}
	good := testKey(1).Public(testReplica, testStart())
	revoked, ended := testKey(2).Public(testReplica, testStart()), testKey(3).Public(testReplica, testStart())
	revoked.Revoked, ended.NotAfter = true, ended.Created
	if err := keys.Replace([]PublicKey{good, revoked, ended}); err != nil {
		t.Fatal(err)
	}
	if text, err = keys.JWKS(testStart()); err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"keys": []any{map[string]any{"kty": "OKP", "crv": "Ed25519",
		"x": good.Key, "kid": good.Kid, "use": "sig", "alg": "EdDSA"}}}
	if diff := cmp.Diff(any(want), got); diff != "" {
		t.Error(diff)
	}
}
