package server

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// leveled is a slog.Handler whose level can be changed while the node runs. All that
// are derived from one share its level.
type leveled struct {
	slog.Handler
	level *slog.LevelVar
}

// NewLogger logs to h from a level on. A node that gets this logger can be told another
// level; h itself must let all levels through.
func NewLogger(h slog.Handler, level slog.Level) *slog.Logger {
	v := new(slog.LevelVar)
	v.Set(level)
	return slog.New(leveled{h, v})
}

// Enabled implements slog.Handler.
func (l leveled) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= l.level.Level() && l.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (l leveled) WithAttrs(attrs []slog.Attr) slog.Handler {
	return leveled{l.Handler.WithAttrs(attrs), l.level}
}

// WithGroup implements slog.Handler.
func (l leveled) WithGroup(name string) slog.Handler {
	return leveled{l.Handler.WithGroup(name), l.level}
}

// levelOf is the level of a logger that NewLogger made, or one that changes nothing.
func levelOf(log *slog.Logger) *slog.LevelVar {
	if l, ok := log.Handler().(leveled); ok {
		return l.level
	}
	return new(slog.LevelVar)
}

// LogLevel implements httpapi.Observer.
func (o *observer) LogLevel() string { return strings.ToLower(o.level.Level().String()) }

// SetLogLevel implements httpapi.Observer.
func (o *observer) SetLogLevel(text string) error {
	switch text {
	case "debug", "info", "warn", "error":
		return o.level.UnmarshalText([]byte(text))
	}
	return fmt.Errorf("there is no log level %q", text)
}
