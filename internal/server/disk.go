package server

// diskLow is the free space below which a node is not ready: its store could not
// go on for long.
const diskLow = 64 << 20

// disk is what a file system has room for, in bytes.
type disk struct {
	Free  uint64 `json:"free_bytes"` // for an ordinary user
	Total uint64 `json:"total_bytes"`
}
