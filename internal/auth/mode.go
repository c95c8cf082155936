package auth

import (
	"strconv"
	"strings"
)

// Mode is twelve permission bits: create, delete, write and read (8, 4, 2, 1)
// for the owner (bits 11-8), the group (7-4) and all others (3-0).
type Mode uint16

// The modes that hold where nobody set another.
const (
	// DefaultMode is a created key's: cdwr,c-wr,----.
	DefaultMode Mode = 0xfb0

	// rootMode lets every authenticated user create, and no more.
	rootMode Mode = 0xf88
)

// right is one bit of a class.
type right uint8

const (
	rightRead   right = 1
	rightWrite  right = 2
	rightDelete right = 4
	rightCreate right = 8
)

// class is one of the three groups of bits, as the shift to it.
type class uint8

const (
	classOthers class = 0
	classGroup  class = 4
	classOwner  class = 8
)

// grants says whether a class has a right.
func (m Mode) grants(c class, r right) bool { return m>>c&Mode(r) != 0 }

// letters are the rights, from the highest bit down.
const letters = "cdwr"

// String is the symbolic form, such as "cdwr,c-wr,----".
func (m Mode) String() string {
	var b strings.Builder
	for bit := 11; bit >= 0; bit-- {
		if m>>bit&1 != 0 {
			b.WriteByte(letters[3-bit%4])
		} else {
			b.WriteByte('-')
		}
		if bit == 8 || bit == 4 {
			b.WriteByte(',')
		}
	}
	return b.String()
}

// Hex is the short form, such as "fb0": a digit for each class.
func (m Mode) Hex() string { return strconv.FormatUint(uint64(m)+0x1000, 16)[1:] }

// ParseMode reads the symbolic form, with or without its commas, or the short
// form in lower case. A letter counts at its own place only.
func ParseMode(text string) (Mode, error) {
	flat := text
	if len(text) == 14 && text[4] == ',' && text[9] == ',' {
		flat = text[:4] + text[5:9] + text[10:]
	}
	switch len(flat) {
	case 3:
		var m Mode
		for i := range 3 {
			if !isHexDigit(flat[i]) {
				return 0, badMode()
			}
			digit, _ := strconv.ParseUint(flat[i:i+1], 16, 8)
			m = m<<4 | Mode(digit)
		}
		return m, nil
	case 12:
		var m Mode
		for i := range 12 {
			m <<= 1
			switch flat[i] {
			case letters[i%4]:
				m |= 1
			case '-':
			default:
				return 0, badMode()
			}
		}
		return m, nil
	}
	return 0, badMode()
}

func badMode() error {
	return badField("mode", `must be like "cdwr,c-wr,----" (create, delete, write, read for `+
		`owner, group, others) or like "fb0"`)
}

// MarshalText is the symbolic form.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what ParseMode reads.
func (m *Mode) UnmarshalText(text []byte) error {
	parsed, err := ParseMode(string(text))
	*m = parsed
	return err
}
