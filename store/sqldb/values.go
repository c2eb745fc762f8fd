package sqldb

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Micros is how a time is stored: µs since 1970 UTC. It is the inverse of Time for times of that precision.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// Time reads a stored time, in UTC.
func Time(us int64) time.Time { return time.UnixMicro(us).UTC() }

// NullTime is a time or NULL, as an argument and as a destination.
type NullTime struct {
	Time  time.Time // UTC, µs precision when read; zero if not Valid
	Valid bool      // false: NULL
}

// NullTimeOf stores a zero time as NULL.
func NullTimeOf(t time.Time) NullTime { return NullTime{Time: t, Valid: !t.IsZero()} }

// Scan reads a BIGINT column of µs.
func (n *NullTime) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*n = NullTime{}
	case int64:
		*n = NullTime{Time: Time(v), Valid: true}
	default:
		return fmt.Errorf("a time is stored as a BIGINT of µs, not as %T", src)
	}
	return nil
}

// Value gives the µs, or nil.
func (n NullTime) Value() (driver.Value, error) {
	if !n.Valid {
		return nil, nil
	}
	return Micros(n.Time), nil
}

// MaxList is the most ids that In takes at once; slices.Chunk cuts longer lists.
const MaxList = 1024

// In appends ids to args and returns the list of their placeholders, as "($3, $4)", for col IN. An empty list gives
// "(NULL)", which no value is in. Lists are filled up to a power of two by repeating the last id, so that a handful of
// statement texts serves all lengths and the statements stay prepared. It panics on more than MaxList ids.
func In[T any](args *[]any, ids []T) string {
	if len(ids) == 0 {
		return "(NULL)"
	}
	if len(ids) > MaxList {
		panic(fmt.Sprintf("sqldb.In: %d ids, at most %d: cut the list with slices.Chunk", len(ids), MaxList))
	}
	size := 1
	for size < len(ids) {
		size *= 2
	}
	var b strings.Builder
	for i := range size {
		*args = append(*args, ids[min(i, len(ids)-1)])
		b.WriteString(", $")
		b.WriteString(strconv.Itoa(len(*args)))
	}
	return "(" + b.String()[2:] + ")"
}
