package keyspace

import (
	"encoding/binary"
	"math"
)

// A backup is a copy whose source is a file. What its end may claim is read in the view
// that its records come from; so a replica that takes it over is what a copy from that
// source would have made of it, and the floors tell, as ever, whether it is too old.

// ReadClaim reads whose view this is, and what somebody may claim who takes over all its
// records. whole is false where that is less than the view itself claims: it is a copy
// in the making, or has lost or damaged records that it still looks for.
func ReadClaim(r Reader) (id Identity, c Claim, whole bool) {
	c = Claim{
		VV: LoadVV(r).Expanded(), Floor: loadFloor(r).Expanded(), Voids: loadVectors(r, keyVoids).Expanded(),
		Stamps: loadStamps(r), Lapsed: loadLapsed(r), Copy: true,
	}
	c.Base = c.VV
	whole = !loadTransfer(r).Active() && r.Get(keyLoss) == nil
	for range r.Ascend(keySuspects, prefixEnd(keySuspects)) {
		whole = false
	}
	return loadIdentity(r), c, whole
}

const claimFormat = 1

// MarshalBinary encodes the claim of a whole copy, as ReadClaim makes them.
func (c *Claim) MarshalBinary() ([]byte, error) {
	b := []byte{claimFormat}
	for _, v := range []VV{c.VV, c.Floor, c.Voids} {
		part, err := v.MarshalBinary()
		if err != nil {
			return nil, err
		}
		b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(c.Stamps))
	return binary.BigEndian.AppendUint64(b, uint64(c.Lapsed)), nil
}

// UnmarshalBinary decodes what MarshalBinary wrote. Its vectors may have any number of
// streams: the caller bounds the bytes.
func (c *Claim) UnmarshalBinary(b []byte) error {
	if len(b) == 0 || b[0] != claimFormat {
		return errVector
	}
	b = b[1:]
	*c = Claim{Copy: true}
	for _, v := range []*VV{&c.VV, &c.Floor, &c.Voids} {
		n, rest, ok := uvarint(b)
		if !ok || n > uint64(len(rest)) {
			return errVector
		}
		if err := v.decode(rest[:n], math.MaxInt); err != nil {
			return err
		}
		b = rest[n:]
	}
	if len(b) != 16 {
		return errVector
	}
	c.Base = c.VV
	c.Stamps, c.Lapsed = Millis(binary.BigEndian.Uint64(b)), Millis(binary.BigEndian.Uint64(b[8:]))
	return nil
}
