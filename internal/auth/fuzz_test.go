package auth

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"
)

// FuzzRecords: what any of the readers of records and bodies accepts means the same when
// it is written again; what they refuse, they refuse as a field's fault.
func FuzzRecords(f *testing.F) {
	user := `"00000000-0000-4000-8000-00000000000a"`
	for _, seed := range []string{
		`{"owner":` + user + `,"group":"","mode":"cdwr,c-wr,----"}`, `{"mode":"fb0","version":"v"}`,
		`{"uuid":` + user + `,"nickname":"john","email":"john@example.com","created":1,"disabled":true}`,
		`{"uuid":` + user + `,"name":"ops","created":1,"members":[` + user + `]}`,
		`{"nickname":"john","email":"john@example.com"}`, `{"name":"ops","members":[` + user + `,` + user + `]}`,
		`{"user_uuid":` + user + `,"scopes":["read","write"],"ttl":"1h","path_prefix":"a/b/"}`,
		`{"jti":"AAAAAAAAAAAAAAAAAAAAAA","exp":5}`, `{"key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","created":1}`,
		`{"mode":"fff","mode":"000"}`, `{"Mode":"fff"}`, `[]`, "{\"mode\":\"fff\"}\x00", `{"mode":null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		again(t, raw, ParseACL)
		again(t, raw, ParseUser)
		again(t, raw, ParseGroup)
		again(t, raw, ParsePublicKey)
		again(t, raw, ParseRevocation)
		again(t, raw, ParseSealingKey)
		again(t, raw, ParseUserRequest)
		again(t, raw, ParseGroupRequest)
		ticket, err := ParseTokenRequest(raw, time.Hour, 24*time.Hour)
		var field *FieldError
		switch {
		case err != nil && !errors.As(err, &field):
			t.Fatalf("%q: %v", raw, err)
		case err == nil && (ticket.TTL > 24*time.Hour || ticket.User == AdminUser || ticket.check() != nil):
			t.Fatalf("%q asks for %+v", raw, ticket)
		}
	})
}

// again reads a text, and what was read once more.
func again[T any](t *testing.T, raw []byte, parse func([]byte) (T, error)) {
	t.Helper()
	got, err := parse(raw)
	if err != nil {
		var field *FieldError
		if !errors.As(err, &field) {
			t.Fatalf("%q: %v", raw, err)
		}
		return
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := parse(text); err != nil || !reflect.DeepEqual(got, second) {
		t.Fatalf("%q is %+v, then %s is %+v, %v", raw, got, text, second, err)
	}
}
