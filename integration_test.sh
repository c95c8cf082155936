#!/usr/bin/env bash
# Builds kvs and tries what its users do first: one node, two nodes that replicate, two
# that disagree. Needs Go and curl, and the ports from KVS_TEST_PORT (8080) to 4 above.
# make test and make e2e try far more.
set -euo pipefail
cd "$(dirname "$0")"

port=${KVS_TEST_PORT:-8080}
work=$(mktemp -d)
pids=()

stop_all() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" || true; done
  pids=()
}
trap 'stop_all; rm -rf "$work"' EXIT

fail() { echo "FAIL: $*"; tail -n 5 "$work"/*.log; exit 1; }

# within SECONDS WHAT COMMAND... tries a command until it succeeds.
within() {
  local seconds=$1 what=$2 began=$SECONDS
  shift 2
  until "$@"; do
    ((SECONDS - began < seconds)) || fail "not within $seconds s: $what"
    sleep 0.1
  done
  echo "ok: $what ($((SECONDS - began)) s)"
}

# start NAME runs a node with $work/NAME.yaml.
start() {
  (cd "$work" && exec ./kvs "$1.yaml") >"$work/$1.log" 2>&1 &
  pids+=($!)
}

shows() { [[ $(curl -sS "$1" 2>/dev/null) == *"$2"* ]]; }
same() { local a; a=$(curl -sS "$1" 2>/dev/null) && [[ $a == *'"data"'* && $a == "$(curl -sS "$2" 2>/dev/null)" ]]; }
members() { shows "http://localhost:$1/health" '"member_count":2'; }

go build -o "$work/kvs" ./cmd/kvs

echo "== one node"
printf 'node_id: "single"\nport: %s\ndata_dir: "./single"\n' "$port" >"$work/single.yaml"
start single
within 10 "it answers /health" shows "http://localhost:$port/health" '"status":"ok"'
token=$(cat "$work/single/admin.token")
curl -sSf -X PUT "http://localhost:$port/kv/users/john/profile" -H "Authorization: Bearer $token" \
  -H 'Content-Type: application/json' -d '{"name":"John Doe","age":30}' >/dev/null || fail "it takes no value"
[[ $(curl -sS "http://localhost:$port/kv/users/john/profile" -H "Authorization: Bearer $token") == *'"John Doe"'* ]] ||
  fail "it does not show the value"
[[ $(curl -sS -o /dev/null -w '%{http_code}' "http://localhost:$port/kv/users/john/profile") == 401 ]] ||
  fail "it answers without a token"
echo "ok: it stores and shows a value, to whoever has a token"
stop_all

echo "== two nodes that replicate"
printf 'node_id: "test1"\nport: %s\nseed_nodes: []\nauth_enabled: false\n' $((port + 1)) >"$work/test1.yaml"
printf 'node_id: "test2"\nport: %s\nseed_nodes: ["127.0.0.1:%s"]\nauth_enabled: false\n' \
  $((port + 2)) $((port + 1)) >"$work/test2.yaml"
start test1
start test2
within 10 "they are a cluster" members $((port + 1))
curl -sSf -X PUT "http://localhost:$((port + 1))/kv/test/data" -H 'Content-Type: application/json' \
  -d '{"message":"hello world"}' >/dev/null || fail "the first takes no value"
within 30 "the second has what the first was told" shows "http://localhost:$((port + 2))/kv/test/data" 'hello world'
stop_all

echo "== two nodes that disagree"
"$work/kvs" debug make-conflict "$work/conflict1" "$work/conflict2"
for n in 1 2; do
  printf 'node_id: "conflict%s"\nport: %s\ndata_dir: "%s"\nauth_enabled: false\nlog_level: "debug"\n' \
    $n $((port + 2 + n)) "$work/conflict$n" >"$work/conflict$n.yaml"
done
printf 'seed_nodes: ["127.0.0.1:%s"]\n' $((port + 3)) >>"$work/conflict2.yaml"
start conflict1
start conflict2
key=kv/test/conflict/data
within 30 "they agree" same "http://localhost:$((port + 3))/$key" "http://localhost:$((port + 4))/$key"
shows "http://localhost:$((port + 4))/$key" 'from the first directory' || fail "the node that joined later has won"
grep -qh '"msg":"conflict","key":"test/conflict/data","rule":"joined"' "$work"/conflict?.log || fail "no log line tells of the conflict"
echo "ok: the node that joined first has won, and the log says so"

echo "all passed"
