package httpapi

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"kvs/internal/auth/rightstest"
)

// Goal: what the API lets happen is what the model does, whoever asks, however the key
// is spelled: no operation succeeds that the model denies, nothing is shown that may not
// be read, and nothing refused has an effect. Method: random operations by seven callers
// on a few keys, several of them above others; after each that was refused, and now and
// then, all values and rights are compared.
func TestS10RightsAgreeWithAModel(t *testing.T) {
	count := 100_000
	if testing.Short() {
		count = 20_000
	}
	rng := rand.New(rand.NewPCG(4, 2))
	guard, store := newFakeGuard(), &fakeStore{}
	handler := New(Options{Store: store, Cluster: fakeCluster{}, Operator: &fakeOperator{}, Guard: guard}).Handler()
	m := rightstest.New()
	denied := 0
	for i := range count {
		o := m.Draw(rng, i)
		ctx := &fasthttp.RequestCtx{}
		ctx.Request.Header.SetMethod(o.Method)
		ctx.Request.Header.SetRequestURI(o.Target)
		ctx.Request.Header.Set("Authorization", "Bearer "+o.Who)
		ctx.Request.SetBodyString(o.Body)
		handler(ctx)
		got, text := ctx.Response.StatusCode(), string(ctx.Response.Body())
		if got != o.Status || !strings.HasSuffix(text, o.Ends) {
			t.Fatalf("operation %d, %+v: %d %s\n%+v", i, o, got, text, m)
		}
		o.Apply()
		if got >= 400 {
			denied++
		}
		if got >= 400 || i%64 == 0 {
			compareModel(t, m, store, guard)
		}
	}
	if denied < count/10 || denied > count*9/10 {
		t.Errorf("%d of %d were denied: the model says little", denied, count)
	}
}

// compareModel checks that store and rights are what the model has.
func compareModel(t *testing.T, m *rightstest.Model, store *fakeStore, guard *fakeGuard) {
	t.Helper()
	if len(store.records) != len(m.Values) || len(guard.rights) != len(m.Rules) {
		t.Fatalf("%d values and %d rights, the model has %+v", len(store.records), len(guard.rights), m)
	}
	for _, r := range store.records {
		if m.Values[r.Key] != string(r.Data) {
			t.Fatalf("%s is %s, in the model %s", r.Key, r.Data, m.Values[r.Key])
		}
	}
	for path, acl := range guard.rights {
		bits := strings.ReplaceAll(acl.Mode.String(), ",", "")
		if got := (rightstest.Rule{Owner: string(acl.Owner), Group: string(acl.Group), Bits: bits}); m.Rules[path] != got {
			t.Fatalf("the rights of %s are %v, in the model %v", path, got, m.Rules[path])
		}
	}
}
