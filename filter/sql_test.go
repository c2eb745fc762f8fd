package filter_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
	"pgregory.net/rapid"

	"espalier.dev/filter"
)

type sqlite struct{}

func (sqlite) Contains(haystack, needle string) string {
	return "instr(" + haystack + ", " + needle + ") > 0"
}

type postgres struct{}

func (postgres) Contains(haystack, needle string) string {
	return "position(" + needle + " in " + haystack + ") > 0"
}

// columns is where the tables of createTables keep what the schema everything declares.
var columns = filter.Columns{
	"name":            {Expr: "i.name", Folded: "i.name_folded"},
	"createdBy.email": {Folded: "i.email_folded"},
	"count":           {Expr: "i.amount"},
	"dryRun":          {Expr: "i.dry_run"},
	"createdAt":       {Expr: "i.created_at"},
	"tags": {Expr: "t.tag", Folded: "t.tag_folded",
		Exists: "EXISTS (SELECT 1 FROM item_tag t WHERE t.item_id = i.id AND {match})"},
	"label.*": {Expr: "l.value", Folded: "l.value_folded",
		Exists: "EXISTS (SELECT 1 FROM item_label l WHERE l.item_id = i.id AND l.key = {key} AND {match})"},
}

const createTables = `
	CREATE TABLE item (
		id BIGINT PRIMARY KEY, name @text, name_folded @text, email_folded @text,
		amount BIGINT, dry_run BOOLEAN, created_at BIGINT);
	CREATE TABLE item_tag (item_id BIGINT NOT NULL, tag @text NOT NULL, tag_folded @text NOT NULL);
	CREATE TABLE item_label (item_id BIGINT NOT NULL, key @text NOT NULL, value @text NOT NULL, value_folded @text NOT NULL);`

func TestSQL(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in, want string
		args           []any
	}{
		{"nothing", "", "TRUE", nil},
		{"eq", "name eq 'A'", "i.name = CAST($2 AS TEXT)", []any{"A"}},
		{"ne also of NULL", "name ne 'A'", "(i.name = CAST($2 AS TEXT)) IS NOT TRUE", []any{"A"}},
		{"co is folded", "name co 'Ä'", "(instr(i.name_folded, CAST($2 AS TEXT)) > 0)", []any{"ä"}},
		{"any case", "createdBy.email in ['A', 'b']", "i.email_folded IN (CAST($2 AS TEXT), CAST($3 AS TEXT))", []any{"a", "b"}},
		{"types", "count gt 1 and dryRun eq true and createdAt le '1970-01-01T00:00:01Z'",
			"(i.amount > CAST($2 AS BIGINT) AND i.dry_run = CAST($3 AS BOOLEAN) AND i.created_at <= CAST($4 AS BIGINT))",
			[]any{int64(1), true, int64(1_000_000)}},
		{"set", "tags ne 'A'", "NOT (EXISTS (SELECT 1 FROM item_tag t WHERE t.item_id = i.id AND t.tag = CAST($2 AS TEXT)))", []any{"A"}},
		{"key is bound", "label.a:b eq 'x'",
			"EXISTS (SELECT 1 FROM item_label l WHERE l.item_id = i.id AND l.key = CAST($3 AS TEXT) AND l.value = CAST($2 AS TEXT))", []any{"x", "a:b"}},
		{"not goes down", "not (count eq 1 or count ne 2)",
			"((i.amount = CAST($2 AS BIGINT)) IS NOT TRUE AND i.amount = CAST($3 AS BIGINT))", []any{int64(1), int64(2)}},
	}
	for _, tt := range tests {
		e, err := filter.Parse(tt.in, everything)
		if err != nil {
			t.Errorf("%s: Parse(%s): %v", tt.name, tt.in, err)
			continue
		}
		args := []any{int64(42)} // one that stood there before
		got := e.SQL(columns, sqlite{}, &args)
		if got != tt.want {
			t.Errorf("%s: SQL(%s):\n got %s\nwant %s", tt.name, tt.in, got, tt.want)
		}
		if diff := cmp.Diff(append([]any{int64(42)}, tt.args...), args); diff != "" {
			t.Errorf("%s: args of %s (-want +got):\n%s", tt.name, tt.in, diff)
		}
	}
}

func TestCheckColumns(t *testing.T) {
	t.Parallel()
	if err := everything.CheckColumns(columns); err != nil {
		t.Errorf("CheckColumns: got %v, want none", err)
	}
	tests := []struct {
		name, attr string
		column     filter.Column
		want       string
	}{
		{"none", "count", filter.Column{}, `filter: attribute "count" has no column`},
		{"co without folded", "name", filter.Column{Expr: "n"}, `filter: attribute "name" has no folded column`},
		{"set without others' rows", "tags", filter.Column{Expr: "t", Folded: "f"}, `filter: attribute "tags" is a set; its column wants Exists with {match}`},
		{"key without a place", "label.*", filter.Column{Expr: "l", Folded: "f", Exists: "EXISTS ({match})"}, `filter: attribute "label.*" has keys; its column wants Exists with {key}`},
		{"no place for the comparison", "count", filter.Column{Expr: "c", Exists: "EXISTS ()"}, `filter: attribute "count": Exists has no {match}`},
	}
	for _, tt := range tests {
		c := filter.Columns{}
		for name, col := range columns {
			c[name] = col
		}
		c[tt.attr] = tt.column
		if err := everything.CheckColumns(c); err == nil || err.Error() != tt.want {
			t.Errorf("%s: CheckColumns: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

// item is a row of the property tests; a value that is absent is the zero Value.
type item struct {
	name, email, count, dryRun, createdAt filter.Value
	tags                                  []string
	labels                                map[string]string
}

func (it *item) value(attr string) filter.Value {
	switch attr {
	case "name":
		return it.name
	case "createdBy.email":
		return it.email
	case "count":
		return it.count
	case "dryRun":
		return it.dryRun
	case "createdAt":
		return it.createdAt
	case "tags":
		return filter.SetOf(it.tags)
	}
	if v, ok := it.labels[strings.TrimPrefix(attr, "label.")]; ok {
		return filter.TextOf(v)
	}
	return filter.Value{}
}

// Values are drawn from few, so that filters match about as often as not.
var (
	someTexts = []string{"", "Acme", "ACME works", "acmé", "Acme\u0301", "Straße", "strasse", "O'Brien", "100%", "a_b", `C:\`, "東京", "İ", "{key}", "$1"}
	someTimes = []string{"2026-11-25", "2026-11-25T08:00:00Z", "2026-11-25T08:00:00.000001Z", "1969-12-31T23:59:59+01:00"}
	someKeys  = []string{"env", "cost:centre"}
)

func optional[T any](g *rapid.Generator[T], of func(T) filter.Value) *rapid.Generator[filter.Value] {
	return rapid.Custom(func(t *rapid.T) filter.Value {
		if rapid.IntRange(0, 3).Draw(t, "absent") == 0 {
			return filter.Value{}
		}
		return of(g.Draw(t, "value"))
	})
}

func timeOf(text string) filter.Value {
	e, err := filter.Parse("createdAt eq '"+text+"'", everything)
	if err != nil {
		panic(err)
	}
	for term := range e.Terms() {
		return term.Values[0]
	}
	return filter.Value{}
}

var items = rapid.Custom(func(t *rapid.T) item {
	text := rapid.SampledFrom(someTexts)
	return item{
		name:      optional(text, filter.TextOf).Draw(t, "name"),
		email:     optional(text, filter.TextOf).Draw(t, "email"),
		count:     optional(rapid.Int64Range(0, 3), filter.NumberOf).Draw(t, "count"),
		dryRun:    optional(rapid.Bool(), filter.BoolOf).Draw(t, "dryRun"),
		createdAt: optional(rapid.SampledFrom(someTimes), timeOf).Draw(t, "createdAt"),
		tags:      rapid.SliceOfN(text, 0, 3).Draw(t, "tags"),
		labels:    rapid.MapOfN(rapid.SampledFrom(someKeys), text, 0, 2).Draw(t, "labels"),
	}
})

// comparisons draws the text of one comparison of the schema everything.
var comparisons = rapid.Custom(func(t *rapid.T) string {
	attr := rapid.SampledFrom([]string{"name", "createdBy.email", "count", "dryRun", "createdAt", "tags", "label.env", "label.cost:centre"}).Draw(t, "attr")
	ops := []string{"eq", "ne", "gt", "lt", "ge", "le", "in", "co"}
	value := rapid.Custom(func(t *rapid.T) string {
		return filter.TextOf(rapid.SampledFrom(someTexts).Draw(t, "text")).String()
	})
	switch attr {
	case "tags":
		ops = []string{"eq", "ne", "in", "co", "has"}
	case "count":
		ops = ops[:7]
		value = rapid.Custom(func(t *rapid.T) string { return fmt.Sprint(rapid.Int64Range(0, 3).Draw(t, "number")) })
	case "createdAt":
		ops = ops[:7]
		value = rapid.Custom(func(t *rapid.T) string { return `"` + rapid.SampledFrom(someTimes).Draw(t, "time") + `"` })
	case "dryRun":
		ops = ops[:2]
		value = rapid.SampledFrom([]string{"true", "false"})
	}
	op := rapid.SampledFrom(ops).Draw(t, "op")
	if op == "in" {
		return attr + " in [" + strings.Join(rapid.SliceOfN(value, 1, 3).Draw(t, "list"), ",") + "]"
	}
	return attr + " " + op + " " + value.Draw(t, "value")
})

// expressions draws the text of a filter of at most depth levels.
func expressions(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if depth == 0 {
			return comparisons.Draw(t, "comparison")
		}
		inner := expressions(depth - 1)
		switch rapid.SampledFrom([]string{"one", "and", "or", "not", "()"}).Draw(t, "form") {
		case "and":
			return inner.Draw(t, "left") + " and " + inner.Draw(t, "right")
		case "or":
			return inner.Draw(t, "left") + " or " + inner.Draw(t, "right")
		case "not":
			return "not " + inner.Draw(t, "inner")
		case "()":
			return "(" + inner.Draw(t, "inner") + ")"
		}
		return comparisons.Draw(t, "comparison")
	})
}

func TestPrintedIsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := expressions(4).Draw(t, "filter")
		first, err := filter.Parse(text, everything)
		if err != nil {
			t.Fatalf("Parse(%s): %v", text, err)
		}
		second, err := filter.Parse(first.String(), everything)
		if err != nil {
			t.Fatalf("Parse(%s), printed from %s: %v", first, text, err)
		}
		if first.String() != second.String() {
			t.Fatalf("printed again: got %s, want %s", second, first)
		}
		it := items.Draw(t, "item")
		if got, want := second.Match(it.value), first.Match(it.value); got != want {
			t.Fatalf("%s, printed from %s: got %v, want %v", second, text, got, want)
		}
	})
}

// engine is a database that the property is asked of.
type engine struct {
	name    string
	db      *sql.DB
	dialect filter.Dialect
}

// openEngines opens SQLite, and PostgreSQL if ESPALIER_TEST_POSTGRES_URL names one, each with the tables and one
// connection.
func openEngines(t *testing.T) []engine {
	t.Helper()
	open := func(driver, dsn, text string, d filter.Dialect, before ...string) engine {
		db, err := sql.Open(driver, dsn)
		if err != nil {
			t.Fatalf("open %s: %v", driver, err)
		}
		db.SetMaxOpenConns(1)
		t.Cleanup(func() { db.Close() })
		for _, statement := range append(before, strings.ReplaceAll(createTables, "@text", text)) {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("%s: %s: %v", driver, statement, err)
			}
		}
		return engine{driver, db, d}
	}
	engines := []engine{open("sqlite", ":memory:", "TEXT", sqlite{})}
	if url := os.Getenv("ESPALIER_TEST_POSTGRES_URL"); url != "" {
		schema := fmt.Sprintf("filter_test_%d", os.Getpid())
		e := open("pgx", url, `TEXT COLLATE "C"`, postgres{}, "CREATE SCHEMA "+schema, "SET search_path TO "+schema)
		t.Cleanup(func() {
			if _, err := e.db.ExecContext(context.Background(), "DROP SCHEMA "+schema+" CASCADE"); err != nil {
				t.Errorf("drop schema %s: %v", schema, err)
			}
		})
		engines = append(engines, e)
	}
	return engines
}

func TestSQLIsMatch(t *testing.T) {
	t.Parallel()
	engines := openEngines(t)
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(items, 1, 6).Draw(t, "rows")
		for _, e := range engines {
			if err := e.fill(ctx, rows); err != nil {
				t.Fatalf("%s: fill: %v", e.name, err)
			}
		}
		for range 5 {
			text := expressions(3).Draw(t, "filter")
			expr, err := filter.Parse(text, everything)
			if err != nil {
				t.Fatalf("Parse(%s): %v", text, err)
			}
			want := []int{}
			for i := range rows {
				if expr.Match(rows[i].value) {
					want = append(want, i)
				}
			}
			for _, e := range engines {
				got, query, err := e.ask(ctx, expr)
				if err != nil {
					t.Fatalf("%s: %s: %v", e.name, query, err)
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%s: rows of %s: got %v, want %v, by %s", e.name, text, got, want, query)
				}
			}
		}
	})
}

// fill makes the tables hold these rows, whose ids are their indexes.
func (e engine) fill(ctx context.Context, rows []item) error {
	for _, table := range []string{"item", "item_tag", "item_label"} {
		if _, err := e.db.ExecContext(ctx, "DELETE FROM "+table); err != nil {
			return err
		}
	}
	for i, it := range rows {
		name, folded := nullText(it.name)
		_, emailFolded := nullText(it.email)
		_, err := e.db.ExecContext(ctx, `
			INSERT INTO item (id, name, name_folded, email_folded, amount, dry_run, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, i, name, folded, emailFolded,
			sql.NullInt64{Int64: it.count.Number(), Valid: it.count.Type() != 0},
			sql.NullBool{Bool: it.dryRun.Bool(), Valid: it.dryRun.Type() != 0},
			sql.NullInt64{Int64: it.createdAt.Time().UnixMicro(), Valid: it.createdAt.Type() != 0})
		if err != nil {
			return err
		}
		for _, tag := range it.tags {
			if _, err := e.db.ExecContext(ctx, "INSERT INTO item_tag (item_id, tag, tag_folded) VALUES ($1, $2, $3)", i, tag, filter.Fold(tag)); err != nil {
				return err
			}
		}
		for key, value := range it.labels {
			if _, err := e.db.ExecContext(ctx, "INSERT INTO item_label (item_id, key, value, value_folded) VALUES ($1, $2, $3, $4)", i, key, value, filter.Fold(value)); err != nil {
				return err
			}
		}
	}
	return nil
}

// nullText is a text and its folded twin, NULL if it is absent.
func nullText(v filter.Value) (plain, folded sql.NullString) {
	present := v.Type() != 0
	return sql.NullString{String: v.Text(), Valid: present}, sql.NullString{String: filter.Fold(v.Text()), Valid: present}
}

// ask returns the ids of the rows that the filter selects, in order, and the query.
func (e engine) ask(ctx context.Context, expr *filter.Expr) ([]int, string, error) {
	var args []any
	query := "SELECT i.id FROM item i WHERE " + expr.SQL(columns, e.dialect, &args) + " ORDER BY i.id"
	rows, err := e.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, query, err
	}
	defer rows.Close()
	var ids []int
	for rows.Next() {
		var id int
		if err := rows.Scan(&id); err != nil {
			return nil, query, err
		}
		ids = append(ids, id)
	}
	return ids, query, rows.Err()
}
