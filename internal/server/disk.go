package server

// disk is what a file system has room for, in bytes.
type disk struct {
	Free  uint64 `json:"free_bytes"` // for an ordinary user
	Total uint64 `json:"total_bytes"`
}
