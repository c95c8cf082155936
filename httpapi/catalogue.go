package httpapi

import "strings"

// kind is one kind of problem: what /problems/{slug} explains.
type kind struct {
	slug   string
	status int
	title  string
	text   string
}

// The slugs this package uses. A slug is part of the API: never renamed.
const (
	slugInvalidKey       = "invalid-key"
	slugReservedKey      = "reserved-key"
	slugInvalidJSON      = "invalid-json"
	slugInvalidTTL       = "invalid-ttl"
	slugInvalidParameter = "invalid-parameter"
	slugBadRequest       = "bad-request"
	slugConfirmation     = "confirmation-required"
	slugUnauthorized     = "unauthorized"
	slugForbidden        = "forbidden"
	slugReadOnly         = "read-only"
	slugKeyNotFound      = "key-not-found"
	slugKeyExpired       = "key-expired"
	slugPeerUnknown      = "peer-unknown"
	slugNotFound         = "not-found"
	slugMethodNotAllowed = "method-not-allowed"
	slugConflictClock    = "conflict-clock"
	slugPeerAmbiguous    = "peer-ambiguous"
	slugPeerSelf         = "peer-self"
	slugOnceRunning      = "idempotency-key-running"
	slugOnceReused       = "idempotency-key-reused"
	slugPrecondition     = "precondition-failed"
	slugBackupRunning    = "backup-running"
	slugRestartNeeded    = "restart-needed"
	slugConfigInvalid    = "config-invalid"
	slugBackupNeeded     = "backup-needed"
	slugBackupCorrupt    = "backup-corrupt"
	slugCursorExpired    = "cursor-expired"
	slugBodyTooLarge     = "body-too-large"
	slugUnsupportedMedia = "unsupported-media"
	slugRateLimited      = "rate-limited"
	slugInternal         = "internal"
	slugRecordDamaged    = "record-damaged"
	slugSyncing          = "syncing"
	slugNotReady         = "not-ready"
	slugUnknownOutcome   = "unknown-outcome"
	slugLeaving          = "leaving"
	slugWaitTimeout      = "wait-timeout"
	slugOverloaded       = "overloaded"
	slugDiskFull         = "disk-full"
)

// catalogue is every kind of problem this node can answer with, by status. It
// is never written to.
var catalogue = [...]kind{
	{slugInvalidKey, 400, "Invalid key",
		"A key is one or more segments joined by '/', each percent-encoded once in the URL.\n" +
			"Refused are empty, '.' and '..' segments, a trailing '/', an encoded slash (%2F),\n" +
			"control characters, bytes that are not UTF-8, broken percent escapes, and keys\n" +
			"over 1,024 bytes. One leading '/' is ignored.\n" +
			"Try: percent-encode every segment by itself and join them with '/'."},
	{slugReservedKey, 400, "Reserved key",
		"Keys whose first segment begins with '_' belong to the system (such as _range).\n" +
			"Try: another first letter; '_' is free in later positions and segments."},
	{slugInvalidJSON, 400, "Invalid JSON",
		"The body of a PUT must be one JSON text in UTF-8, nested at most 64 deep.\n" +
			"Scalars and null are values too; an empty body is not.\n" +
			"Try: check the body at the position that the detail names."},
	{slugInvalidTTL, 400, "Invalid TTL",
		"A TTL is a Go duration such as \"90s\", \"1h30m\" or \"720h\", or \"0\" for never.\n" +
			"A body that is an object with exactly the two fields data and ttl is an envelope,\n" +
			"so its ttl must be such a string.\n" +
			"Try: ?ttl=1h, or ?raw=true to store such a body as it is."},
	{slugInvalidParameter, 400, "Invalid query parameter",
		"A query parameter is unknown here, given twice, or out of its range.\n" +
			"Try: the parameters that the detail lists."},
	{slugBadRequest, 400, "Bad request",
		"The request cannot be read safely as HTTP/1.0 or HTTP/1.1.\n" +
			"Try: a plain client such as curl, without an unusual proxy between."},
	{slugConfirmation, 400, "Confirmation required",
		"A delete of all that is below a path repeats the path in the header KVS-Confirm.\n" +
			"Try: ?recurse&dry_run to count what would go, then -H 'KVS-Confirm: PATH'."},
	{slugUnauthorized, 401, "Unauthorized",
		"The request has no token, or one that is not accepted: expired, revoked, of another\n" +
			"cluster, or of a user who is gone.\n" +
			"Try: -H \"Authorization: Bearer $(cat DATA_DIR/admin.token)\", or ask an administrator for a token."},
	{slugForbidden, 403, "Forbidden",
		"The caller may not do this: its token does not allow it, the rights of the key do not,\n" +
			"or a web page of another site has sent the request.\n" +
			"Try: GET /auth/whoami for what the token allows, and GET /acl/{path} for the rights."},
	{slugReadOnly, 403, "Read-only",
		"This node answers reads and takes part in replication, but refuses client writes.\n" +
			"Try: another node, kvs mode normal, or read_only: false in this node's configuration."},
	{slugKeyNotFound, 404, "Key not found",
		"The key is absent from this node: never written, deleted, expired, or still on its\n" +
			"way from another node.\n" +
			"Try: GET /kv/_range to see which keys are here."},
	{slugKeyExpired, 404, "Key expired",
		"The key had a TTL, and its time is over: expired_at says since when. Nodes forget this when\n" +
			"none of them needs the record any more; then the key is key-not-found.\n" +
			"Try: PUT it again, with a longer ?ttl or with ?ttl=0 for ever."},
	{slugPeerUnknown, 404, "Peer unknown",
		"No member of the cluster has this id or replica, or this node is not connected to\n" +
			"the one that has it.\n" +
			"Try: GET /members/ for the members and their ids."},
	{slugNotFound, 404, "Not found",
		"There is no such endpoint.\n" +
			"Try: /kv/{path}, /kv/_range, /members/, /health, /sync/merkle/root or /version."},
	{slugMethodNotAllowed, 405, "Method not allowed",
		"The endpoint exists but not with this method.\n" +
			"Try: a method of the Allow header."},
	{slugConflictClock, 409, "Clock conflict",
		"The stored version lies so far in the future that no newer timestamp is left, or the\n" +
			"clocks of two nodes are too many minutes apart to compare what expires.\n" +
			"Try: check the clocks of the cluster's nodes."},
	{slugCursorExpired, 410, "Cursor expired",
		"The cursor of a feed of changes is too old: this node has forgotten what was deleted\n" +
			"or expired since, so nobody can say what its holder has missed.\n" +
			"Try: begin again with ?since=start, and replace all that is known by what comes."},
	{slugPeerAmbiguous, 409, "Peer ambiguous",
		"Several members have the same node_id, so that it does not tell which is meant.\n" +
			"Try: the replica id of one of them, as the detail lists them."},
	{slugPeerSelf, 409, "Peer is this node",
		"A node cannot compare with itself, and cannot forget itself.\n" +
			"Try: the id of another member, or POST /members/leave to take this node out."},
	{slugOnceRunning, 409, "Idempotency-Key under way",
		"A request with this Idempotency-Key has arrived before, and is not answered yet.\n" +
			"Try: again after Retry-After, for its answer."},
	{slugBackupRunning, 409, "Backup running",
		"A node makes one backup at a time, and is making one.\n" +
			"Try: kvs backup ls, and again once it is done."},
	{slugBackupNeeded, 409, "Backup needed",
		"An incremental backup builds on this one: without it that one could not be restored.\n" +
			"Try: kvs backup ls, and remove those that build on it first."},
	{slugRestartNeeded, 409, "Restart needed",
		"A setting that a node takes at its start only is another than when it started. It has\n" +
			"taken over nothing of the configuration, so that it runs with all of it or none.\n" +
			"Try: kvs config explain SETTING, and a restart; or set it back, and reload again."},
	{slugPrecondition, 412, "Precondition failed",
		"If-Match or If-None-Match was judged in the transaction of the write, on this node, and\n" +
			"did not hold. The current version, if there is one, is in the member current.\n" +
			"A newer version may be on its way from another node: this is not a lock.\n" +
			"Try: GET the key, and repeat the change with If-Match and its ETag."},
	{slugBodyTooLarge, 413, "Body too large",
		"The body is larger than max_json_size, which counts every byte of the body.\n" +
			"Try: split the value over several keys."},
	{slugUnsupportedMedia, 415, "Unsupported media type",
		"Values are JSON: Content-Type application/json or any type ending in +json, or\n" +
			"none, and no Content-Encoding.\n" +
			"Try: -H 'Content-Type: application/json'."},
	{slugBackupCorrupt, 422, "Backup damaged",
		"What was sent is not a frame of a backup as one was written; nothing of it was restored.\n" +
			"Try: kvs backup verify on the file, then another copy of it, or an older backup."},
	{slugConfigInvalid, 422, "Configuration invalid",
		"The configuration cannot be read, or has mistakes. The node goes on with what it has.\n" +
			"Try: kvs config check FILE, on the machine of the node."},
	{slugOnceReused, 422, "Idempotency-Key reused",
		"Another request, with another method, target, body or condition, had this Idempotency-Key.\n" +
			"Try: a key of its own, such as a random UUID, for every change that is to happen once."},
	{slugRateLimited, 429, "Rate limited",
		"This node answers each client rate_limit_requests requests in rate_limit_window. A client\n" +
			"is the user of a token, or an address. Every answer says in RateLimit what is left.\n" +
			"Try: again after Retry-After; a higher rate_limit_requests, or rate_limiting_enabled: false,\n" +
			"in this node's configuration; trusted_proxies, where many clients come through one proxy."},
	{slugInternal, 500, "Internal error",
		"The node failed in a way that is its own fault; its log has the cause.\n" +
			"Try: again, and look at the log of the node."},
	{slugRecordDamaged, 500, "Record damaged",
		"The stored record fails its checksum, so it is not shown. Replication restores it\n" +
			"from another node.\n" +
			"Try: again in a moment, or another node."},
	{slugSyncing, 503, "Syncing",
		"The node takes over the data of its cluster. It refuses writes until it has them, and\n" +
			"answers reads with what is there, marked with KVS-Mode: syncing. A node that has all but\n" +
			"the older records takes writes again and reads those from another node; it refuses\n" +
			"ranges, and reads when that node does not answer.\n" +
			"Try: again after Retry-After, or another node."},
	{slugLeaving, 503, "Leaving",
		"The node is leaving its cluster, or has left it for good: it takes no writes any more.\n" +
			"Try: another node."},
	{slugWaitTimeout, 503, "Wait timed out",
		"The call waited for other nodes, which did not do their part in time.\n" +
			"Try: GET /sync/status to see which member is behind or away, then again."},
	{slugNotReady, 503, "Not ready",
		"The node is starting or stopping.\n" +
			"Try: again after Retry-After, or another node."},
	{slugUnknownOutcome, 503, "Outcome unknown",
		"The node stopped before the write was known to be durable. It shows after its next start,\n" +
			"and reaches every node then, or it is lost.\n" +
			"Try: GET the key, on this node once it runs again, before the write is repeated."},
	{slugOverloaded, 503, "Overloaded",
		"A queue or the number of connections is at its limit; nothing was stored.\n" +
			"Try: again after Retry-After, with fewer requests at once."},
	{slugDiskFull, 507, "Disk full",
		"Less than 64 MiB are free where data_dir is. Values are refused, below 32 MiB deletes too;\n" +
			"reads go on, and so does everything by itself once there is room again.\n" +
			"Try: make room on that file system, delete keys, or write to another node."},
}

// ProblemKind is one kind of problem, for people.
type ProblemKind struct {
	Slug   string // The end of its type, and its code.
	Status int    // Of HTTP.
	Title  string
	Text   string // What it means, and what to try.
}

// Problems are all kinds of problems that a node answers with, by their status.
func Problems() []ProblemKind {
	out := make([]ProblemKind, len(catalogue))
	for i, k := range catalogue {
		out[i] = ProblemKind{k.slug, k.status, k.title, k.text}
	}
	return out
}

// try is the last sentence of a kind's text: what to do about it.
func (k *kind) try() string {
	_, advice, _ := strings.Cut(k.text, "Try: ")
	return strings.TrimSuffix(strings.ReplaceAll(advice, "\n", " "), ".")
}

// lookupKind finds a kind by its slug.
func lookupKind(slug string) (kind, bool) {
	for i := range catalogue {
		if catalogue[i].slug == slug {
			return catalogue[i], true
		}
	}
	return kind{}, false
}
