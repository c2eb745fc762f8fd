package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// pageSize is the customers of a page.
const pageSize = 100

// question is a page of the own list, as the API is asked for it and as SQL.
type question struct {
	name   string
	filter string // "" lists all
	where  string // the condition on organization o
	args   []any  // of where, from $3 in the page and $2 in the count
}

// Pages that are measured.
var (
	unfiltered  = question{name: "page of %d of %s with total"}
	bySubstring = question{"filter %[2]s by substring, page of %[1]d", "name co 'Harbour'", "instr(o.name_folded, $%d) > 0", []any{"harbour"}}
	byTags      = question{"filter %[2]s by a tag expression, page of %[1]d", "tags eq 'tier:gold' and tags eq 'region:emea'",
		"EXISTS (SELECT 1 FROM customer_tag t WHERE t.org_id = o.id AND t.tag = $%d) AND EXISTS (SELECT 1 FROM customer_tag t WHERE t.org_id = o.id AND t.tag = $%d)",
		[]any{"tier:gold", "region:emea"}}
)

func (q question) path(w *world) string {
	path := fmt.Sprintf("/espalier/v1/orgs/%d/customers?limit=%d", w.made.OrgID, pageSize)
	if q.filter != "" {
		path += "&filter=" + url.QueryEscape(q.filter)
	}
	return path
}

// condition numbers the parameters of where.
func (q question) condition(first int) string {
	if q.where == "" {
		return "TRUE"
	}
	numbers := make([]any, len(q.args))
	for i := range numbers {
		numbers[i] = first + i
	}
	return fmt.Sprintf(q.where, numbers...)
}

// Statements of a page.
const (
	pathOfParent = `
		WITH RECURSIVE path (id, parent_id, level) AS (
			SELECT o.id, o.parent_id, 0 FROM organization o WHERE o.id = $1
			UNION ALL
			SELECT o.id, o.parent_id, p.level + 1 FROM path p JOIN organization o ON o.id = p.parent_id
		)
		SELECT p.id, c.name, c.expires_at, c.max_depth, c.max_width, c.created_at, c.updated_at
		FROM path p JOIN capability c ON c.org_id = p.id ORDER BY p.level, c.name`
	customerColumns = `o.id, COALESCE(o.parent_id, 0), o.name, o.external_id, o.description, o.created_at, o.updated_at,
		(SELECT CAST(COALESCE(SUM(w.customers), 0) AS BIGINT) FROM customer_count w WHERE w.parent_id = o.id)`
	keptTotal = `SELECT CAST(COALESCE(SUM(customers), 0) AS BIGINT) FROM customer_count WHERE parent_id = $1`
)

// rawPage runs the statements of a page, reads all they give, and returns the total and how many rows of customers,
// capabilities and tags there were.
func (r *rawDB) rawPage(ctx context.Context, root int64, q question) (total int64, rows [3]int, err error) {
	var (
		id, parent, created, updated, number int64
		name, external, description          string
		ends, depth, width                   *int64
		ids                                  []any
	)
	if _, err = r.rows(ctx, pathOfParent, []any{root}, []any{&id, &name, &ends, &depth, &width, &created, &updated}, nil); err != nil {
		return 0, rows, err
	}
	page := `SELECT ` + customerColumns + `, o.id FROM organization o WHERE o.parent_id = $1 AND ` + q.condition(3) + ` ORDER BY o.id ASC, o.id ASC LIMIT $2`
	rows[0], err = r.rows(ctx, page, append([]any{root, pageSize + 1}, q.args...),
		[]any{&id, &parent, &name, &external, &description, &created, &updated, &number, &id}, func() {
			if len(ids) < pageSize {
				ids = append(ids, id)
			}
		})
	if err != nil {
		return 0, rows, err
	}
	count := keptTotal
	if q.where != "" {
		count = `SELECT COUNT(*) FROM organization o WHERE o.parent_id = $1 AND ` + q.condition(2)
	}
	if _, err = r.rows(ctx, count, append([]any{root}, q.args...), []any{&total}, nil); err != nil {
		return 0, rows, err
	}
	of := placeholders(len(ids))
	rows[1], err = r.rows(ctx, `SELECT c.org_id, c.name, c.expires_at, c.max_depth, c.max_width, c.created_at, c.updated_at
		FROM capability c WHERE c.org_id IN `+of+` ORDER BY c.org_id, c.name`, ids,
		[]any{&id, &name, &ends, &depth, &width, &created, &updated}, nil)
	if err != nil {
		return 0, rows, err
	}
	rows[2], err = r.rows(ctx, `SELECT org_id, tag FROM customer_tag WHERE org_id IN `+of+` ORDER BY org_id, tag`, ids, []any{&id, &name}, nil)
	return total, rows, err
}

func placeholders(n int) string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("$%d", i+1)
	}
	return "(" + strings.Join(texts, ", ") + ")"
}

func preparePage(ctx context.Context, l *lab) ([]figure, error) {
	w, c, r, err := l.listed(ctx)
	if err != nil {
		return nil, err
	}
	h := l.floorH()
	var figures []figure
	for _, q := range []question{unfiltered, bySubstring, byTags} {
		f := figure{
			name: fmt.Sprintf(q.name, pageSize, count(l.sizes.customers)) + ", p50", unit: seconds,
			take: func(ctx context.Context) (float64, error) {
				return p50(l.sizes.samples, func(int) error { return c.get(ctx, q.path(w)) })
			},
			floors: []floor{{"Q", func(ctx context.Context) (float64, error) {
				return p50(l.sizes.samples, func(int) error {
					_, _, err := r.rawPage(ctx, int64(w.made.OrgID), q)
					return err
				})
			}}},
			against: "Q", bar: 3,
		}
		if q.filter == "" {
			f.floors, f.join, f.against, f.bar = append(f.floors, h), sum, "Q + H", 2
		}
		figures = append(figures, f)
	}
	return figures, nil
}

// listed makes a world with a long list, a server, and a reader of the same database beside it.
func (l *lab) listed(ctx context.Context) (*world, *caller, *rawDB, error) {
	w, err := l.sqliteWorld(ctx, l.sizes.customers)
	if err != nil {
		return nil, nil, nil, err
	}
	c, err := l.served(ctx, w, 1)
	if err != nil {
		return nil, nil, nil, err
	}
	r, err := l.raw(ctx, w, readerSettings)
	return w, c, r, err
}

// count writes a number with commas: 10,000.
func count(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", count(n/1000), n%1000)
}

// rawList is the statement of the list without pages, in one.
const rawList = `SELECT o.id, o.name, o.external_id, o.created_at, o.updated_at,
	(SELECT CAST(COALESCE(SUM(w.customers), 0) AS BIGINT) FROM customer_count w WHERE w.parent_id = o.id)
	FROM organization o WHERE o.parent_id = $1 ORDER BY o.id`

// scan reads all the rows of the list and returns how many there are.
func (r *rawDB) scan(ctx context.Context, root int64) (int, error) {
	var id, created, updated, number int64
	var name, external string
	return r.rows(ctx, rawList, []any{root}, []any{&id, &name, &external, &created, &updated, &number}, nil)
}

func prepareStream(ctx context.Context, l *lab) ([]figure, error) {
	w, c, r, err := l.listed(ctx)
	if err != nil {
		return nil, err
	}
	path := listPath(w)
	return []figure{{
		name: "all " + count(l.sizes.customers) + " through /msp/v2, streamed", unit: seconds,
		take: func(ctx context.Context) (float64, error) {
			return p50(max(1, l.sizes.samples/20), func(int) error { return c.do(ctx, http.MethodGet, path, "", nil, http.StatusOK, nil) })
		},
		floors: []floor{{"R", func(ctx context.Context) (float64, error) {
			return p50(max(1, l.sizes.samples/20), func(int) error {
				_, err := r.scan(ctx, int64(w.made.OrgID))
				return err
			})
		}}},
		against: "R", bar: 3,
	}}, nil
}

func listPath(w *world) string { return fmt.Sprintf("/msp/v2/orgs/%d/customers", w.made.OrgID) }
