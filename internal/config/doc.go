// Package config is the one table of settings and everything that is read
// off it: the loader, the checks, the generated config.yaml.
//
// It owns the names, types, units, defaults, ranges and help texts of all
// settings, as the tags of Config, which of several sources counts, and the
// wording of every mistake in them. There is no second list of keys anywhere.
//
// It never acts on a setting, never opens a socket or a data directory, and
// imports nothing of ours.
//
// Invariants:
//
//  1. A Config that was loaded passes every check: nobody checks again.
//  2. A file's mistakes are reported all at once, each with its place; a file
//     with one mistake changes nothing.
//  3. What WriteDefault writes loads, to exactly Default.
//  4. A secret is never printed, neither by Config nor by an error.
package config
