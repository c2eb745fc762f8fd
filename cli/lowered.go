package cli

import (
	"context"
	"log/slog"
)

// lowered is where libraries log that know no logger but the default one. What they say of every client's mistake is of use to
// who looks for it: it counts two levels less than they say, a warning as a detail.
type lowered struct{ slog.Handler }

const lower = slog.LevelWarn - slog.LevelDebug

// Enabled asks for the level that counts.
func (h lowered) Enabled(ctx context.Context, level slog.Level) bool {
	return h.Handler.Enabled(ctx, level-lower)
}

// Handle writes a record at the level that counts.
func (h lowered) Handle(ctx context.Context, r slog.Record) error {
	r.Level -= lower
	return h.Handler.Handle(ctx, r)
}

// WithAttrs stays lowered.
func (h lowered) WithAttrs(attrs []slog.Attr) slog.Handler {
	return lowered{h.Handler.WithAttrs(attrs)}
}

// WithGroup stays lowered.
func (h lowered) WithGroup(name string) slog.Handler { return lowered{h.Handler.WithGroup(name)} }
