// Package lab is the bad network between nodes that run in one process: links can be
// cut, slowed and made to lose packets while real connections go over them. The demo
// is made of it, and tests of whole nodes may be.
//
// It owns nothing but the sockets that it is given, and knows of nodes only the port
// that each listens on.
package lab
