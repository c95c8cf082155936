package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kvs/httpapi"
	"kvs/internal/auth"
	"kvs/internal/config"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// Users, groups, keys, revocations and rights are ordinary records with reserved
// keys, so that they replicate, are repaired and collected like any others.
const (
	authAt    = "_auth/"
	keysAt    = "_auth/keys/"
	usersAt   = "_auth/users/"
	groupsAt  = "_auth/groups/"
	revokedAt = "_auth/revoked/"
	sealAt    = "_auth/seal" // the key that cursors are sealed with
	rightsAt  = "_acl/"
	rootAt    = "_acl" // the rights of auth.RootPath
	systemAt  = "_"
	systemEnd = "`" // the first byte behind '_'
)

// AdminTokenFile is the name of the file with a token of scope admin, in data_dir.
const AdminTokenFile = "admin.token"

// revocationKeptMin is how long a revocation is kept at least: token_max_ttl may be
// longer on the node that has signed the token than on the one that ends it.
const revocationKeptMin = 90 * 24 * time.Hour

// maintainEvery is how often a node looks after its keys and its admin token, and
// formsEvery how often before it belongs to a cluster, whose name tokens carry.
const (
	maintainEvery = time.Second
	formsEvery    = 20 * time.Millisecond
)

// guard keeps these records in memory, and changes them. It is what the HTTP layer
// asks who may do what.
type guard struct {
	log    *slog.Logger
	opened atomic.Bool
	api    *api
	dir    string
	ttl    time.Duration // of tokens that ask for none
	ttlMax time.Duration

	ring    *auth.Keyring
	keys    *auth.Keys
	revoked *auth.Revocations
	// verifier is nil until the node belongs to a cluster.
	verifier atomic.Pointer[auth.Verifier]
	issuer   string    // of verifier; of maintain alone
	renewAt  time.Time // when admin.token is to be replaced; of maintain alone

	mu       sync.RWMutex
	public   map[string]auth.PublicKey // by kid
	departed map[string]bool           // replicas whose keys count no more
	users    map[auth.UserID]auth.User
	groups   map[auth.GroupID]auth.Group

	// What every request asks for is read without a lock.
	principals atomic.Pointer[map[auth.UserID]auth.Principal] // of all users
	rights     atomic.Pointer[rights]

	// sealer is the cluster's, nil until this node has its key; own is for cursors
	// until then, which this node alone can read.
	sealer atomic.Pointer[auth.Sealer]
	own    *auth.Sealer
}

func newGuard(log *slog.Logger, cfg config.Config) *guard {
	return &guard{
		log: log, dir: cfg.DataDir, ttl: cfg.TokenTTL, ttlMax: cfg.TokenMaxTTL,
		keys: auth.NewKeys(), revoked: auth.NewRevocations(),
		own: auth.NewSealer(auth.NewSealingKey(time.Now())),
	}
}

// open loads the node's key and all records.
func (g *guard) open(a *api) (err error) {
	g.api = a
	if g.ring, err = auth.OpenKeyring(g.dir); err != nil {
		return err
	}
	g.opened.Store(true)
	g.changed(nil)
	return nil
}

// changed takes over records with these keys, or all if none are given.
func (g *guard) changed(keys []string) {
	if !g.opened.Load() {
		return // it is still being opened, and will read everything
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.api.wall()
	if keys == nil {
		g.public, g.users = map[string]auth.PublicKey{}, map[auth.UserID]auth.User{}
		g.groups = map[auth.GroupID]auth.Group{}
		all := newRights()
		err := g.api.store.Range(systemAt, systemEnd, func(key string, rec keyspace.Record) bool {
			if rec.Live(now) {
				g.take(key, rec.Value, all)
			}
			return true
		})
		g.rights.Store(all)
		if err != nil {
			g.log.Error("cannot read the records of users and rights", "error", err)
		}
	}
	people := keys == nil // rights alone change neither who somebody is nor a token's worth
	for _, key := range keys {
		people = people || strings.HasPrefix(key, authAt)
		taken := false // nobody sees a key without its rights while they change
		_, err := g.api.store.View(key, func(rec keyspace.Record) {
			taken = rec.Live(now) && g.take(key, rec.Value, g.rights.Load())
		})
		if !taken {
			g.drop(key)
		}
		if err != nil {
			g.log.Error("cannot read a record of users and rights", "key", key, "error", err)
		}
	}
	if people {
		g.settle()
	}
}

// take adds one record, unless it makes no sense.
func (g *guard) take(key string, value []byte, into *rights) bool {
	var err error
	switch {
	case strings.HasPrefix(key, keysAt):
		var k auth.PublicKey
		if k, err = auth.ParsePublicKey(value); err == nil {
			g.public[k.Kid] = k
		}
	case strings.HasPrefix(key, usersAt):
		var u auth.User
		if u, err = auth.ParseUser(value); err == nil {
			g.users[u.ID] = u
		}
	case strings.HasPrefix(key, groupsAt):
		var r auth.Group
		if r, err = auth.ParseGroup(value); err == nil {
			g.groups[r.ID] = r
		}
	case strings.HasPrefix(key, revokedAt):
		var r auth.Revocation
		if r, err = auth.ParseRevocation(value); err == nil {
			err = g.revoked.Add(r)
		}
	case key == sealAt:
		var k auth.SealingKey
		if k, err = auth.ParseSealingKey(value); err == nil {
			g.sealer.Store(auth.NewSealer(k))
		}
	case key == rootAt, strings.HasPrefix(key, rightsAt):
		var acl auth.ACL
		if acl, err = auth.ParseACL(value); err == nil {
			into.set(pathOf(key), acl)
		}
	}
	if err != nil {
		g.log.Error("a record of users and rights is not valid and counts for nothing", "key", key, "error", err)
	}
	return err == nil
}

// drop takes away what the record of a key said. A revocation stays one.
func (g *guard) drop(key string) {
	delete(g.public, strings.TrimPrefix(key, keysAt))
	delete(g.users, auth.UserID(strings.TrimPrefix(key, usersAt)))
	delete(g.groups, auth.GroupID(strings.TrimPrefix(key, groupsAt)))
	if key == sealAt {
		g.sealer.Store(nil) // maintain draws another
	}
	if key == rootAt || strings.HasPrefix(key, rightsAt) {
		g.rights.Load().drop(pathOf(key))
	}
}

func pathOf(key string) string {
	if key == rootAt {
		return auth.RootPath
	}
	return strings.TrimPrefix(key, rightsAt)
}

func rightsKey(path string) string {
	if path == auth.RootPath {
		return rootAt
	}
	return rightsAt + path
}

// settle derives what is asked for at every request.
func (g *guard) settle() {
	groups := slices.Collect(maps.Values(g.groups))
	principals := make(map[auth.UserID]auth.Principal, len(g.users))
	for id, u := range g.users {
		principals[id] = auth.PrincipalOf(u, groups)
	}
	g.principals.Store(&principals)
	trusted := make([]auth.PublicKey, 0, len(g.public)+1)
	own := g.ring.Current()
	known := false
	for kid, k := range g.public {
		if !g.departed[k.Replica] {
			trusted = append(trusted, k)
			known = known || kid == own.Kid()
		}
	}
	if !known { // what this node signs counts here before anybody else knows its key
		trusted = append(trusted, own.Public(g.replica(), time.Now()))
	}
	if err := g.keys.Replace(trusted); err != nil {
		g.log.Error("cannot take over the keys of the cluster", "error", err)
	}
}

func (g *guard) replica() string { return g.api.driver.status.Load().Hello.Replica.Hex() }

// run looks after keys and the admin token until the driver stops.
func (g *guard) run() {
	for {
		g.maintain()
		next := maintainEvery
		if g.verifier.Load() == nil {
			next = formsEvery
		}
		select {
		case <-time.After(next):
		case <-g.api.driver.stopped:
			return
		}
	}
}

// maintain makes this node's key known, drops those of replicas that are gone, and
// renews the admin token. What fails is done again the next time.
func (g *guard) maintain() {
	s := g.api.driver.status.Load()
	if s.Identity.Cluster == (keyspace.ClusterID{}) {
		return
	}
	now := time.Now()
	g.depart(s.Roster)
	if issuer := s.Identity.Cluster.Hex(); issuer != g.issuer {
		g.issuer, g.renewAt = issuer, time.Time{}
		g.verifier.Store(auth.NewVerifier(issuer, g.ttlMax, g.keys, g.revoked, time.Now))
	}
	g.mu.RLock()
	public := slices.Collect(maps.Values(g.public))
	g.mu.RUnlock()
	for _, k := range auth.Reconcile(public, g.ring.Current().Public(g.replica(), now), g.ttlMax, now) {
		if err := g.put(keysAt+k.Kid, k); err != nil {
			break // a node that takes no writes now will, or need not
		}
	}
	g.drawSealingKey(now)
	g.revoked.Sweep(now)
	if now.After(g.renewAt) || !g.adminTokenHolds() {
		g.renew(now)
	}
}

// depart takes note of replicas that have left or were evicted.
func (g *guard) depart(roster []statemachine.RosterLine) {
	departed := map[string]bool{}
	for _, l := range roster {
		if l.Standing != keyspace.Active {
			departed[l.Replica.Hex()] = true
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !maps.Equal(departed, g.departed) {
		g.departed = departed
		g.settle()
	}
}

// renew writes the admin token, good for as long as tokens may be.
func (g *guard) renew(now time.Time) {
	ticket := auth.Ticket{User: auth.AdminUser, Scope: auth.ScopeAdmin, TTL: g.ttlMax}
	token, _, err := g.ring.Current().Mint(g.issuer, ticket, now)
	if err == nil {
		err = auth.WriteSecret(filepath.Join(g.dir, AdminTokenFile), []byte(token+"\n"))
	}
	if err != nil {
		g.log.Error("cannot write the admin token", "error", err)
		return
	}
	g.renewAt = now.Add(g.ttlMax / 2)
}

// adminTokenHolds says that the token in the directory is there and good: it may have
// been revoked like any other, or removed.
func (g *guard) adminTokenHolds() bool {
	text, err := os.ReadFile(filepath.Join(g.dir, AdminTokenFile))
	if err != nil {
		return false
	}
	_, err = g.verifier.Load().Verify(bytes.TrimSpace(text))
	return err == nil
}

// put writes a record; a TTL of 0 is for ever.
func (g *guard) put(key string, value any, ttl ...time.Duration) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	w := httpapi.Write{Key: key, Value: text, TTL: httpapi.TTLNever}
	if len(ttl) > 0 {
		w.TTL = httpapi.TTL(ttl[0].Milliseconds())
	}
	_, err = g.api.Write(w)
	return err
}

// claim writes a record where there is none, and says ErrPrecondition where there is.
// It is logged for an actor, unless that is empty.
func (g *guard) claim(key string, value any, actor string) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = g.api.Write(httpapi.Write{
		Key: key, Value: text, TTL: httpapi.TTLNever, If: []httpapi.Match{{Any: true, Not: true}}, Actor: actor,
	})
	return err
}

func (g *guard) remove(key string) error {
	_, err := g.api.Write(httpapi.Write{Key: key, Delete: true})
	return err
}

// Admit tells who holds a token.
func (g *guard) Admit(token []byte) (httpapi.Caller, error) {
	v := g.verifier.Load()
	if v == nil {
		return httpapi.Caller{}, httpapi.ErrNotReady
	}
	claims, err := v.Verify(token)
	if err != nil {
		return httpapi.Caller{}, err
	}
	c, ok := g.callerOf(claims)
	if !ok {
		return httpapi.Caller{}, httpapi.ErrUserGone
	}
	return c, nil
}

// Recall tells who holds a token that was admitted lately.
func (g *guard) Recall(token []byte) (httpapi.Caller, bool) {
	v := g.verifier.Load()
	if v == nil {
		return httpapi.Caller{}, false
	}
	claims, ok := v.Recall(token)
	if !ok {
		return httpapi.Caller{}, false
	}
	return g.callerOf(claims)
}

// callerOf is the user of a good token; false if there is none any more.
func (g *guard) callerOf(claims auth.Claims) (c httpapi.Caller, ok bool) {
	c = httpapi.Caller{Grant: claims.Grant(), Token: claims}
	if claims.User == auth.AdminUser {
		c.User = auth.AdminUser
		return c, true
	}
	c.Principal = (*g.principals.Load())[claims.User]
	return c, c.User != "" // a disabled one is nobody
}

// Lookup finds the rights that were set at a path.
func (g *guard) Lookup(path string) (acl auth.ACL, ok bool) { return g.rights.Load().at(path) }

// SetACL sets the rights at a path.
func (g *guard) SetACL(path string, acl auth.ACL) error {
	acl.Version = ""
	return g.put(rightsKey(path), acl)
}

// ClaimACL sets the rights at a path where there are none.
func (g *guard) ClaimACL(path string, acl auth.ACL, actor string) error {
	acl.Version = ""
	return g.claim(rightsKey(path), acl, actor)
}

// DropACL takes the rights at a path away.
func (g *guard) DropACL(path, actor string) error {
	_, err := g.api.Write(httpapi.Write{Key: rightsKey(path), Delete: true, Actor: actor})
	return err
}

// Users lists all users, oldest first.
func (g *guard) Users() []auth.User {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return slices.SortedFunc(maps.Values(g.users), func(a, b auth.User) int {
		return strings.Compare(string(a.ID), string(b.ID))
	})
}

// PutUser adds or replaces a user.
func (g *guard) PutUser(u auth.User) error { return g.put(usersAt+string(u.ID), u) }

// DropUser deletes a user: its tokens are good for nothing any more.
func (g *guard) DropUser(id auth.UserID) error { return g.remove(usersAt + string(id)) }

// Groups lists all groups.
func (g *guard) Groups() []auth.Group {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return slices.SortedFunc(maps.Values(g.groups), func(a, b auth.Group) int {
		return strings.Compare(string(a.ID), string(b.ID))
	})
}

// PutGroup adds or replaces a group.
func (g *guard) PutGroup(r auth.Group) error { return g.put(groupsAt+string(r.ID), r) }

// DropGroup deletes a group.
func (g *guard) DropGroup(id auth.GroupID) error { return g.remove(groupsAt + string(id)) }

// Ticket reads a request for a token.
func (g *guard) Ticket(body []byte) (auth.Ticket, error) {
	return auth.ParseTokenRequest(body, g.ttl, g.ttlMax)
}

// Mint signs a token for a user that exists.
func (g *guard) Mint(t auth.Ticket) (string, auth.Claims, error) {
	g.mu.RLock()
	u, ok := g.users[t.User]
	g.mu.RUnlock()
	if !ok || u.Disabled {
		return "", auth.Claims{}, httpapi.ErrUserGone
	}
	cluster := g.api.driver.status.Load().Identity.Cluster
	if cluster == (keyspace.ClusterID{}) {
		return "", auth.Claims{}, httpapi.ErrNotReady
	}
	return g.ring.Current().Mint(cluster.Hex(), t, time.Now())
}

// Revoke ends a token. How long it would have lived is not known here, so the record
// is kept for as long as any token lives.
func (g *guard) Revoke(jti string) error {
	kept := max(g.ttlMax, revocationKeptMin)
	end := time.Now().Add(kept + auth.Leeway)
	r := auth.Revocation{ID: jti, Expires: auth.Millis(end.UnixMilli())}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if _, err := auth.ParseRevocation(text); err != nil {
		return err
	}
	return g.put(revokedAt+jti, r, kept+2*auth.Leeway)
}

// Revoked lists the tokens that were ended before their time.
func (g *guard) Revoked(most int) (list []auth.Revocation, more bool) { return g.revoked.Newest(most) }

// JWKS are the keys that tokens are verified with.
func (g *guard) JWKS() ([]byte, error) { return g.keys.JWKS(time.Now()) }

// RotateKey signs with a new key from now on. Tokens of the one before stay good.
func (g *guard) RotateKey() error {
	if _, err := g.ring.Rotate(); err != nil {
		return errors.Join(httpapi.ErrNotReady, err)
	}
	g.mu.Lock()
	g.settle()
	g.mu.Unlock()
	return nil
}
