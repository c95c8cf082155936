package server

import (
	"net"
	"time"

	"kvs/httpapi"
)

// Around changes the world around a node, for a lab; without any it is the machine's.
type Around func(*Server)

// Over lets a node talk to its peers over what the function makes of its socket.
func Over(network func(net.PacketConn) net.PacketConn) Around {
	return func(s *Server) { s.over = network }
}

// Within has a node offer the lab that it is a part of to its administrators.
func Within(lab httpapi.Lab) Around {
	return func(s *Server) { s.lab = lab }
}

// Skew makes the node's clock wrong by so much, from now on.
func (s *Server) Skew(by time.Duration) { s.driver.clock.set(by) }
