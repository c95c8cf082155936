package main

import (
	"fmt"
	"strings"
)

const (
	// diffContext is how many equal lines are shown around a change.
	diffContext = 2
	// diffCellsMax bounds the table of a comparison; beyond it all lines count as changed.
	diffCellsMax = 4 << 20
)

// edit is one line of a comparison: ' ' in both texts, '-' in the old, '+' in the new.
type edit struct {
	kind byte
	line string
}

// lineDiff compares two texts by lines. It is "" if they are equal.
func lineDiff(oldName, newName, old, new string) string {
	if old == new {
		return ""
	}
	edits := compare(strings.Split(strings.TrimSuffix(old, "\n"), "\n"), strings.Split(strings.TrimSuffix(new, "\n"), "\n"))
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", oldName, newName)
	near := func(i int) bool {
		for j := max(0, i-diffContext); j <= min(len(edits)-1, i+diffContext); j++ {
			if edits[j].kind != ' ' {
				return true
			}
		}
		return false
	}
	skipped := false
	for i, e := range edits {
		if !near(i) {
			skipped = true
			continue
		}
		if skipped {
			b.WriteString("...\n")
		}
		skipped = false
		fmt.Fprintf(&b, "%c%s\n", e.kind, e.line)
	}
	return b.String()
}

// compare finds the longest common sequence of lines, by the table of all pairs.
func compare(old, new []string) []edit {
	var out []edit
	if len(old)*len(new) > diffCellsMax {
		for _, line := range old {
			out = append(out, edit{'-', line})
		}
		for _, line := range new {
			out = append(out, edit{'+', line})
		}
		return out
	}
	common := make([][]int, len(old)+1) // of what begins at i and j
	for i := range common {
		common[i] = make([]int, len(new)+1)
	}
	for i := len(old) - 1; i >= 0; i-- {
		for j := len(new) - 1; j >= 0; j-- {
			if old[i] == new[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(old) || j < len(new) {
		switch {
		case i < len(old) && j < len(new) && old[i] == new[j]:
			out = append(out, edit{' ', old[i]})
			i, j = i+1, j+1
		case j == len(new) || i < len(old) && common[i+1][j] >= common[i][j+1]:
			out = append(out, edit{'-', old[i]})
			i++
		default:
			out = append(out, edit{'+', new[j]})
			j++
		}
	}
	return out
}
