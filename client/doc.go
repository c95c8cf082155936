// Package client talks to the nodes of a cluster over their HTTP API.
//
//	c, err := client.New([]string{"http://10.0.0.1:8080", "http://10.0.0.2:8080"},
//		client.WithTokenFile("app.token"))
//	if err != nil {
//		return err
//	}
//	done, err := c.Put(ctx, "users/john", []byte(`{"name":"John"}`), client.TTL(time.Hour))
//	if err != nil {
//		return err
//	}
//	user, record, err := client.GetAs[User](ctx, c, "users/john")
//	...
//	_, err = c.PutJSON(ctx, "users/john", user, client.IfMatch(record.Version))
//	if errors.Is(err, client.ErrPrecondition) {
//		// somebody else was faster: read again
//	}
//
// It owns which node is asked, what is asked again and when, and the types of
// requests, answers and errors.
//
// It never imports anything of the server: what it knows of one is what openapi.yaml
// says. It never changes a value: bytes go out and come back as they are.
//
// Every node has all data, so one is as good as another. A Client stays with the one
// that answered last and turns to the next when that one cannot be reached, is too
// busy or will not do it.
//
// Invariants:
//
//  1. A request is sent again only if repeating it does no harm: it is a read, or
//     carries a condition or an idempotency key, or it is certain that no node has
//     carried it out.
//  2. A write that may or may not have been carried out is reported as ErrUncertain.
//  3. Waiting ends with the caller's context; without a deadline it is bounded by the
//     number of attempts.
//  4. What one answer can make a Client hold is bounded in limits.go.
package client
