package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ConflictKey is what two nodes write while they are apart.
const ConflictKey = "demo/conflict"

// skewMax bounds how wrong a clock may be made.
const skewMax = 24 * time.Hour

// Cut takes a node off the network: it goes on alone.
func (c *Cluster) Cut(name string) error {
	return c.act(name, func(n *node) error {
		if c.network.IsCut(n.config.Port) {
			return fmt.Errorf("%s is cut off already. Try: kvs demo heal %s", name, name)
		}
		c.network.Cut(n.config.Port)
		c.tell("%s is cut off: it answers reads and writes alone", name)
		return nil
	})
}

// Heal takes nodes back: the one named, or all.
func (c *Cluster) Heal(name string) error {
	if name != "" {
		return c.act(name, func(n *node) error { return c.heal([]*node{n}) })
	}
	c.acts.Lock()
	defer c.acts.Unlock()
	return c.heal(c.nodes)
}

func (c *Cluster) heal(nodes []*node) error {
	var healed []string
	for _, n := range nodes {
		if n.server != nil && c.network.IsCut(n.config.Port) {
			c.network.Heal(n.config.Port)
			healed = append(healed, n.name)
		}
	}
	if len(healed) == 0 {
		return errors.New("nobody is cut off. Try: kvs demo cut NODE")
	}
	c.expect("the heal")
	c.tell("%s can reach the others again", strings.Join(healed, " and "))
	return nil
}

// Kill ends a node without a word to the others.
func (c *Cluster) Kill(name string) error {
	return c.act(name, func(n *node) error {
		if n.server == nil {
			return fmt.Errorf("%s is dead already. Try: kvs demo restart %s", name, name)
		}
		c.network.Cut(n.config.Port) // its goodbye must not arrive
		c.tell("%s is killed: the others hear nothing more of it", name)
		return c.end(n)
	})
}

// Restart starts a node that was killed, or ends and starts one that runs.
func (c *Cluster) Restart(name string) error {
	return c.act(name, func(n *node) error {
		if err := c.end(n); err != nil {
			return err
		}
		c.network.Heal(n.config.Port)
		c.expect("the start of " + name)
		if err := c.launch(n); err != nil {
			return err
		}
		c.tell("%s starts again, with what its disk has", name)
		return nil
	})
}

// Skew makes a node's clock wrong by so much; 0 makes it right.
func (c *Cluster) Skew(name string, by time.Duration) error {
	if by.Abs() > skewMax {
		return fmt.Errorf("a clock may be wrong by up to %v, not %v", skewMax, by)
	}
	return c.act(name, func(n *node) error {
		c.mu.Lock()
		n.skew = by
		c.mu.Unlock()
		if n.server != nil {
			n.server.Skew(by)
		}
		switch {
		case by > 0:
			c.tell("%s's clock is %v ahead", name, by)
		case by < 0:
			c.tell("%s's clock is %v behind", name, -by)
		default:
			c.tell("%s's clock is right", name)
		}
		return nil
	})
}

// Conflict lets two nodes write the same key while they are apart, and meet again.
func (c *Cluster) Conflict(ctx context.Context) error {
	c.acts.Lock()
	defer c.acts.Unlock()
	var up []*node
	for _, n := range c.nodes {
		if n.server != nil {
			up = append(up, n)
		}
	}
	if len(up) < 2 {
		return errors.New("a conflict takes two nodes that run. Try: kvs demo restart NODE")
	}
	a, b := up[0], up[len(up)-1]
	was := c.network.IsCut(b.config.Port)
	c.network.Cut(b.config.Port)
	err := errors.Join(c.write(ctx, a), c.write(ctx, b))
	if !was {
		c.network.Heal(b.config.Port)
		c.expect("they met again")
	}
	if err != nil {
		return err
	}
	c.tell("%s and %s wrote %s while they were apart: kvs conflicts says who won, and why", a.name, b.name, ConflictKey)
	return nil
}

// write puts the name of a node as the conflict's value, through that node.
func (c *Cluster) write(ctx context.Context, n *node) error {
	api, err := c.api(n)
	if err == nil {
		_, err = api.Put(ctx, ConflictKey, []byte(`{"from":"`+n.name+`"}`))
	}
	if err != nil {
		return fmt.Errorf("put %s on %s: %w", ConflictKey, n.name, err)
	}
	return nil
}

// act does something to one node.
func (c *Cluster) act(name string, do func(*node) error) error {
	c.acts.Lock()
	defer c.acts.Unlock()
	n, err := c.find(name)
	if err != nil {
		return err
	}
	return do(n)
}

// expect has it told when all nodes are equal, and how long that took.
func (c *Cluster) expect(after string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.since = &since{after, time.Now()}
}
