package main

import "testing"

// Goal: what the commands for many keys ask of the node and print, page by page, and what
// they refuse.
func TestCommandsOfManyKeys(t *testing.T) {
	checkCommands(t, []commandCase{
		{[]string{"ls"}, map[string]string{"GET /kv/?delimiter=%2F&keys_only=true&limit=1000&list=true": `{"items":[{"key":"a/"},{"key":"b"}]}`},
			nil, "a/\nb\n", 0},
		{[]string{"ls", "/a/", "-R"}, map[string]string{
			"GET /kv/a/?keys_only=true&limit=1000&list=true":          `{"items":[{"key":"a/b"}],"next":"N"}`,
			"GET /kv/a/?cursor=N&keys_only=true&limit=1000&list=true": `{"items":[{"key":"a/c"}]}`,
		}, nil, "a/b\na/c\n", 0},
		{[]string{"ls", "a", "--count"}, map[string]string{
			"GET /kv/a/?count=true&list=true":          `{"keys":2,"bytes":7,"next":"N"}`,
			"GET /kv/a/?count=true&cursor=N&list=true": `{"keys":1,"bytes":1}`,
		}, nil, "3 keys, 8 bytes\n", 0},
		{[]string{"ls", "-l", "--reverse", "--limit", "2"}, map[string]string{
			"GET /kv/?delimiter=%2F&limit=2&list=true&reverse=true": `{"items":[{"key":"z/"},{"key":"b","uuid":"u","timestamp":1795348800123,"data":[1]}],"next":"N"}`,
		}, nil, "-                            -  z/\n2026-11-22T12:00:00Z         3  b\n", 0},
		{[]string{"ls", "--limit", "-1"}, nil, nil, "", exitUsage},
		{[]string{"tree", "a"}, map[string]string{
			"GET /kv/a/?keys_only=true&limit=1000&list=true":          `{"items":[{"key":"a/b"},{"key":"a/b/c/d"}],"next":"N"}`,
			"GET /kv/a/?cursor=N&keys_only=true&limit=1000&list=true": `{"items":[{"key":"a/b/c/e"},{"key":"a/b/f"},{"key":"a/g/h"}]}`,
		}, nil, "b\nb/\n  c/\n    d\n    e\n  f\ng/\n  h\n", 0},
		{[]string{"tree", "--depth", "1"}, map[string]string{
			"GET /kv/?depth=1&keys_only=true&limit=1000&list=true": `{"items":[{"key":"a"},{"key":"b/"}]}`,
		}, nil, "a\nb/\n", 0},
		{[]string{"del", "a b", "-r", "--yes"}, map[string]string{
			"DELETE /kv/a%20b/?limit=1000&recurse=true":          `{"matched":5,"deleted":3,"refused":1,"changed":1,"next":"N"}`,
			"DELETE /kv/a%20b/?cursor=N&limit=1000&recurse=true": `{"matched":2,"deleted":2}`,
		}, nil, "5 of 7 keys deleted, 1 you may not delete, 1 were written meanwhile\n", 0},
		{[]string{"del", "a", "-r", "--dry-run"}, map[string]string{
			"DELETE /kv/a/?dry_run=true&limit=1000&recurse=true": `{"matched":5,"deleted":0,"refused":1}`,
		}, nil, "4 of 5 keys would be deleted, 1 you may not delete\n", 0},
		{[]string{"del", "a", "-r"}, nil, nil, "", exitUsage},
		{[]string{"del", "a", "--yes"}, nil, nil, "", exitUsage},
		{[]string{"del", "a", "-r", "--yes", "--if-match", "u"}, nil, nil, "", exitUsage},
		{[]string{"touch", "a", "--ttl", "1h"}, map[string]string{"PATCH /kv/a?ttl=1h": stored}, []string{""}, "a  u-1\n", 0},
		{[]string{"touch", "a"}, nil, nil, "", exitUsage},
	})
}
