package config

// Changed are the settings that differ from their default, as the file has them, and
// by key. Of secrets it only says that they are set.
func (c Config) Changed() map[string]string {
	table := settings()
	base, mine := settingValues(Default(), table), settingValues(c, table)
	out := make(map[string]string)
	for i, s := range table {
		switch {
		case mine[i] == base[i]:
		case s.secret:
			out[s.key] = Secret("set").String()
		default:
			out[s.key] = s.valueOf(&c)
		}
	}
	return out
}

// Differing are the settings in which next differs, in the order of the file.
func (c Config) Differing(next Config) (out []Setting) {
	table := settings()
	mine, theirs := settingValues(c, table), settingValues(next, table)
	for i, s := range Settings() {
		if mine[i] != theirs[i] {
			out = append(out, s)
		}
	}
	return out
}
