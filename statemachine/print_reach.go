package statemachine

// Append prints the message.
func (m Ping) Append(b []byte) []byte {
	b = num(open(b, "Ping"), m.Seq)
	if m.Origin != (ReplicaID{}) {
		b = m.Origin.Append(word(b, "for "))
	}
	if m.Suspect {
		b = num(word(b, "suspect"), m.Incarnation)
	}
	return append(b, ')')
}

// Append prints the message.
func (m PingAck) Append(b []byte) []byte {
	b = num(open(b, "PingAck"), m.Seq)
	if m.Origin != (ReplicaID{}) {
		b = m.Origin.Append(word(b, "for "))
	}
	if m.Target != (ReplicaID{}) {
		b = m.Target.Append(word(b, "of "))
	}
	return append(num(b, m.Wall), ')')
}

// Append prints the message.
func (m PingReq) Append(b []byte) []byte {
	return append(m.Target.Append(append(num(open(b, "PingReq"), m.Seq), ' ')), ')')
}

// Append prints the message.
func (m Suspicion) Append(b []byte) []byte {
	b = append(m.Replica.Append(open(b, "Suspicion")), ' ')
	b = num(m.Boot.Append(b), m.Incarnation)
	return append(m.By.Append(word(b, "by ")), ')')
}

// Append prints the message.
func (Graft) Append(b []byte) []byte { return append(b, "Graft"...) }

// Append prints the message.
func (Prune) Append(b []byte) []byte { return append(b, "Prune"...) }

// Append prints the event.
func (e ClockSkewed) Append(b []byte) []byte {
	b = num(open(b, "ClockSkewed"), e.Ahead)
	if e.Clamped {
		b = word(b, "clamped")
	}
	return append(b, ')')
}

// Append prints the event.
func (e ReachChanged) Append(b []byte) []byte {
	return append(word(e.Member.Append(open(b, "ReachChanged")), e.Reach.String()), ')')
}
