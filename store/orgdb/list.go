package orgdb

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/org"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

// columns is where SQL finds what lists may be filtered by; that of nextExpiresAt depends on the parent, see nextEnd.
func columns(nextEnd string) filter.Columns {
	return filter.Columns{
		"name":          {Expr: "o.name", Folded: "o.name_folded"},
		"externalId":    {Expr: "o.external_id", Folded: "o.external_folded"},
		"createdAt":     {Expr: "o.created_at"},
		"updatedAt":     {Expr: "o.updated_at"},
		"nextExpiresAt": {Expr: nextEnd},
		"tags": {Expr: "t.tag", Folded: "t.tag_folded",
			Exists: "EXISTS (SELECT 1 FROM customer_tag t WHERE t.org_id = o.id AND {match})"},
		"capability": {Expr: "h.name",
			Exists: "EXISTS (SELECT 1 FROM capability h WHERE h.org_id = o.id AND {match})"},
	}
}

// nextEnd is an expression: the earliest end among a customer's capabilities, given those of its parent. NULL: none ends.
func nextEnd(ends map[string]time.Time, args *[]any) string {
	if len(ends) == 0 {
		return "(SELECT MIN(c.expires_at) FROM capability c WHERE c.org_id = o.id)"
	}
	var b strings.Builder
	b.WriteString("(SELECT MIN(CASE")
	for _, name := range slices.Sorted(maps.Keys(ends)) {
		*args = append(*args, name, sqldb.Micros(ends[name]))
		n, e := len(*args)-1, len(*args)
		fmt.Fprintf(&b, " WHEN c.name = $%d AND (c.expires_at IS NULL OR c.expires_at > $%d) THEN CAST($%d AS BIGINT)", n, e, e)
	}
	b.WriteString(" ELSE c.expires_at END) FROM capability c WHERE c.org_id = o.id)")
	return b.String()
}

// ownCustomers is an expression: how many direct customers the customer has.
const ownCustomers = `(SELECT CAST(COALESCE(SUM(w.customers), 0) AS BIGINT) FROM customer_count w WHERE w.parent_id = o.id)`

// streamBatch is how many rows of a streamed list are read at once: a slow reader of the answer holds no connection.
const streamBatch = 1000

// EachCustomer calls each for the direct customers that match, by id.
func (t Tree) EachCustomer(ctx context.Context, parent ref.OrgID, match *filter.Expr, each func(org.Summary) error) error {
	args := []any{parent, int64(0), int64(streamBatch)}
	query := `
		SELECT o.id, o.name, o.external_id, o.created_at, o.updated_at, ` + ownCustomers + `
		FROM organization o
		WHERE o.parent_id = $1 AND o.id > $2 AND ` + match.SQL(columns("NULL"), t.dialect, &args) + `
		ORDER BY o.id LIMIT $3`
	batch := make([]org.Summary, 0, streamBatch)
	var s org.Summary // of the row at hand: what Scan is given is allocated, so it is for all rows
	var id, created, updated int64
	dest := []any{&id, &s.Name, &s.ExternalID, &created, &updated, &s.Customers}
	for {
		batch = batch[:0]
		err := t.tx.Rows(ctx, query, args, func(scan func(...any) error) error {
			err := scan(dest...)
			s.ID, s.Parent, s.CreatedAt, s.UpdatedAt = ref.OrgID(id), parent, sqldb.Time(created), sqldb.Time(updated)
			batch = append(batch, s)
			return err
		})
		if err != nil {
			return err
		}
		for _, s := range batch {
			if err := each(s); err != nil {
				return err
			}
		}
		if len(batch) < streamBatch {
			return nil
		}
		args[1] = int64(batch[len(batch)-1].ID)
	}
}

// asksForEnd reports whether a filter asks for the earliest end, whose expression costs a look at every capability.
func asksForEnd(match *filter.Expr) bool {
	for term := range match.Terms() {
		if term.Attr == "nextExpiresAt" {
			return true
		}
	}
	return false
}

// condition compiles a filter, given the ends of the parent's capabilities.
func (t Tree) condition(match *filter.Expr, ends map[string]time.Time, args *[]any) string {
	end := "NULL"
	if asksForEnd(match) {
		end = nextEnd(ends, args)
	}
	return match.SQL(columns(end), t.dialect, args)
}

// CustomerIDs lists the ids of direct customers that match, after the given one.
func (t Tree) CustomerIDs(ctx context.Context, parent ref.OrgID, match *filter.Expr, ends map[string]time.Time, after ref.OrgID, limit int) ([]ref.OrgID, error) {
	args := []any{parent, after, limit}
	ids := []ref.OrgID{}
	err := t.tx.Rows(ctx, `
		SELECT o.id FROM organization o
		WHERE o.parent_id = $1 AND o.id > $2 AND `+t.condition(match, ends, &args)+`
		ORDER BY o.id LIMIT $3`, args, func(scan func(...any) error) error {
		var id ref.OrgID
		err := scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// sortKey is an expression to sort by, with the id behind it; never NULL. text says which part of a cursor holds it.
func sortKey(q org.Query, ends map[string]time.Time, args *[]any) (expr string, text bool, err error) {
	switch q.Order {
	case org.ByID:
		return "o.id", false, nil
	case org.ByName:
		return "o.name_folded", true, nil
	case org.ByExternalID:
		return "o.external_id", true, nil
	case org.ByCreated:
		return "o.created_at", false, nil
	case org.ByUpdated:
		return "o.updated_at", false, nil
	case org.ByNextEnd:
		without := int64(math.MaxInt64) // last, either way
		if q.Desc {
			without = -1
		}
		return fmt.Sprintf("COALESCE(%s, %d)", nextEnd(ends, args), without), false, nil
	}
	return "", false, errs.Invalidf("orderBy: %q is no order", q.Order)
}

// CustomerPage reads a page of direct customers, with tags and capabilities, and the number of all that match.
func (t Tree) CustomerPage(ctx context.Context, parent ref.OrgID, q org.Query, ends map[string]time.Time) (org.Page, error) {
	page, err := t.pageRows(ctx, parent, q, ends)
	if err != nil {
		return org.Page{}, err
	}
	if page.Total, err = t.total(ctx, parent, q, ends, page); err != nil {
		return org.Page{}, err
	}
	ids := make([]ref.OrgID, len(page.Customers))
	at := make(map[ref.OrgID]*org.Detail, len(ids))
	for i := range page.Customers {
		d := &page.Customers[i]
		ids[i], at[d.ID] = d.ID, d
	}
	if err := t.addCapabilities(ctx, ids, at); err != nil {
		return org.Page{}, err
	}
	return page, t.addTags(ctx, ids, at)
}

func (t Tree) pageRows(ctx context.Context, parent ref.OrgID, q org.Query, ends map[string]time.Time) (org.Page, error) {
	args := []any{parent, q.Limit + 1}
	key, isText, err := sortKey(q, ends, &args)
	if err != nil {
		return org.Page{}, err
	}
	direction, beyond := "ASC", ">"
	if q.Desc {
		direction, beyond = "DESC", "<"
	}
	where := t.condition(q.Match, ends, &args)
	if q.After != nil {
		if isText {
			args = append(args, q.After.Text, q.After.ID)
		} else {
			args = append(args, q.After.Number, q.After.ID)
		}
		where += fmt.Sprintf(" AND (%s, o.id) %s ($%d, $%d)", key, beyond, len(args)-1, len(args))
	}
	query := `
		SELECT ` + organizationColumns + `, ` + ownCustomers + `, ` + key + `
		FROM organization o WHERE o.parent_id = $1 AND ` + where + `
		ORDER BY ` + key + ` ` + direction + `, o.id ` + direction + ` LIMIT $2`
	page := org.Page{Customers: make([]org.Detail, 0, q.Limit)}
	last := org.Cursor{}
	var d org.Detail // of the row at hand
	columns, finish := scanOrganization(&d.Organization)
	var to any = &last.Number
	if isText {
		to = &last.Text
	}
	dest := append(columns, &d.Customers, to)
	err = t.tx.Rows(ctx, query, args, func(scan func(...any) error) error {
		if len(page.Customers) == q.Limit {
			next := last
			page.Next = &next
			return nil
		}
		if err := scan(dest...); err != nil {
			return err
		}
		finish()
		last.ID = d.ID
		page.Customers = append(page.Customers, d)
		return nil
	})
	return page, err
}

// total is the number of direct customers that match: the kept one where all do, none counted where the page shows all.
func (t Tree) total(ctx context.Context, parent ref.OrgID, q org.Query, ends map[string]time.Time, page org.Page) (int64, error) {
	if q.Match.MatchesAll() {
		return t.CustomerCount(ctx, parent)
	}
	if q.After == nil && page.Next == nil {
		return int64(len(page.Customers)), nil
	}
	args := []any{parent}
	var n int64
	err := t.tx.Row(ctx, `SELECT COUNT(*) FROM organization o WHERE o.parent_id = $1 AND `+t.condition(q.Match, ends, &args), args, &n)
	return n, err
}

// usualCapabilities is as many as most customers hold, or more: room for them is made at once.
const usualCapabilities = 4

// addCapabilities fills in the capabilities of some customers, with the ends they have of their own.
func (t Tree) addCapabilities(ctx context.Context, ids []ref.OrgID, at map[ref.OrgID]*org.Detail) error {
	var r capabilityRow
	dest := r.dest()
	for chunk := range slices.Chunk(ids, sqldb.MaxList) {
		var args []any
		err := t.tx.Rows(ctx, `
			SELECT c.org_id, c.name, c.expires_at, c.max_depth, c.max_width, c.created_at, c.updated_at
			FROM capability c WHERE c.org_id IN `+sqldb.In(&args, chunk)+` ORDER BY c.org_id, c.name`, args, func(scan func(...any) error) error {
			if err := scan(dest...); err != nil {
				return err
			}
			d, c := at[ref.OrgID(r.holder)], r.capability()
			if d.Capabilities == nil {
				d.Capabilities = make([]org.DetailCapability, 0, usualCapabilities)
			}
			d.Capabilities = append(d.Capabilities, org.DetailCapability{Held: org.Held{Capability: c, Ends: c.ExpiresAt}})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (t Tree) addTags(ctx context.Context, ids []ref.OrgID, at map[ref.OrgID]*org.Detail) error {
	var id int64
	var tag string
	dest := []any{&id, &tag}
	for chunk := range slices.Chunk(ids, sqldb.MaxList) {
		var args []any
		err := t.tx.Rows(ctx, `SELECT org_id, tag FROM customer_tag WHERE org_id IN `+sqldb.In(&args, chunk)+` ORDER BY org_id, tag`, args,
			func(scan func(...any) error) error {
				if err := scan(dest...); err != nil {
					return err
				}
				d := at[ref.OrgID(id)]
				d.Tags = append(d.Tags, tag)
				return nil
			})
		if err != nil {
			return err
		}
	}
	return nil
}

// CustomerDetails reads some direct customers with owners, capabilities and tags; those that are gone are left out.
func (t Tree) CustomerDetails(ctx context.Context, parent ref.OrgID, customers []ref.OrgID) (map[ref.OrgID]org.Detail, error) {
	at := make(map[ref.OrgID]*org.Detail, len(customers))
	for chunk := range slices.Chunk(customers, sqldb.MaxList) {
		args := []any{parent}
		err := t.tx.Rows(ctx, `
			SELECT `+organizationColumns+`, `+ownCustomers+` FROM organization o
			WHERE o.parent_id = $1 AND o.id IN `+sqldb.In(&args, chunk), args, func(scan func(...any) error) error {
			d := &org.Detail{Tags: []string{}}
			dest, finish := scanOrganization(&d.Organization)
			err := scan(append(dest, &d.Customers)...)
			finish()
			at[d.ID] = d
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	ids := slices.Sorted(maps.Keys(at))
	if err := t.addCapabilities(ctx, ids, at); err != nil {
		return nil, err
	}
	if err := t.addTags(ctx, ids, at); err != nil {
		return nil, err
	}
	if err := t.addOwners(ctx, ids, at); err != nil {
		return nil, err
	}
	details := make(map[ref.OrgID]org.Detail, len(at))
	for id, d := range at {
		details[id] = *d
	}
	return details, nil
}

func (t Tree) addOwners(ctx context.Context, ids []ref.OrgID, at map[ref.OrgID]*org.Detail) error {
	for chunk := range slices.Chunk(ids, sqldb.MaxList) {
		var args []any
		err := t.tx.Rows(ctx, `
			SELECT r.org_id, u.id, u.email, u.first_name, u.last_name, m.state, u.created_at, u.updated_at
			FROM access_rule r JOIN app_user u ON u.id = r.user_id JOIN membership m ON m.org_id = r.org_id AND m.user_id = u.id
			WHERE r.role_id = 1 AND r.org_id IN `+sqldb.In(&args, chunk)+` ORDER BY r.org_id, u.id`, args, func(scan func(...any) error) error {
			var id ref.OrgID
			var u org.User
			var created, updated int64
			err := scan(&id, &u.ID, &u.Email, &u.FirstName, &u.LastName, &u.State, &created, &updated)
			u.CreatedAt, u.UpdatedAt = sqldb.Time(created), sqldb.Time(updated)
			at[id].Owners = append(at[id].Owners, u)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// usedBelow is a condition: some direct customer holds the capability c too, so it cannot be taken away.
const usedBelow = `EXISTS (SELECT 1 FROM organization k JOIN capability kc ON kc.org_id = k.id AND kc.name = c.name WHERE k.parent_id = c.org_id)`

// Parts of the one statement that reads a customer.
const (
	partOrganization = iota
	partCapability
	partOwner
)

// CustomerDetail reads one direct customer with owners and capabilities, in one statement, since on PostgreSQL each is a
// journey: the parts come as rows of one shape, the columns of a part where another has none being NULL or empty.
func (t Tree) CustomerDetail(ctx context.Context, parent, customer ref.OrgID) (org.Detail, error) {
	d := org.Detail{Summary: org.Summary{Organization: org.Organization{Parent: parent}}, Capabilities: make([]org.DetailCapability, 0, usualCapabilities)}
	var r detailRow
	dest := []any{&r.part, &r.id, &r.a, &r.b, &r.c, &r.state, &r.number, &r.expires, &r.depth, &r.width, &r.created, &r.updated}
	err := t.tx.Rows(ctx, customerDetail, []any{customer, parent}, func(scan func(...any) error) error {
		if err := scan(dest...); err != nil {
			return err
		}
		r.addTo(&d)
		return nil
	})
	if err != nil {
		return org.Detail{}, err
	}
	if d.ID == 0 {
		return org.Detail{}, errs.NotFoundf("organization %d has no customer %d", parent, customer)
	}
	slices.SortFunc(d.Capabilities, func(a, b org.DetailCapability) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(d.Owners, func(a, b org.User) int { return int(a.ID - b.ID) })
	return d, nil
}

// detailRow is a row of customerDetail. What its columns are depends on the part. Types of our own would cost an allocation
// each when they are scanned.
type detailRow struct {
	part, id         int64
	a, b, c, state   string
	number           int64
	expires          sqldb.NullTime
	depth, width     *int64
	created, updated int64
}

func (r *detailRow) addTo(d *org.Detail) {
	created, updated := sqldb.Time(r.created), sqldb.Time(r.updated)
	switch r.part {
	case partOrganization:
		d.ID, d.Name, d.ExternalID, d.Description, d.Customers = ref.OrgID(r.id), r.a, r.b, r.c, r.number
		d.CreatedAt, d.UpdatedAt = created, updated
	case partCapability:
		h := org.Held{Ends: r.expires.Time, Capability: org.Capability{Name: r.a, ExpiresAt: r.expires.Time, MaxDepth: r.depth, MaxWidth: r.width,
			CreatedAt: created, UpdatedAt: updated}}
		d.Capabilities = append(d.Capabilities, org.DetailCapability{Held: h, InUse: r.number > 0})
	case partOwner:
		d.Owners = append(d.Owners, org.User{ID: ref.UserID(r.id), Email: r.a, FirstName: r.b, LastName: r.c, State: org.State(r.state),
			CreatedAt: created, UpdatedAt: updated})
	}
}

var customerDetail = fmt.Sprintf(`
	SELECT %d, o.id, o.name, o.external_id, o.description, '', `+ownCustomers+`,
		CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), o.created_at, o.updated_at
	FROM organization o WHERE o.id = $1 AND o.parent_id = $2
	UNION ALL
	SELECT %d, c.org_id, c.name, '', '', '', CASE WHEN `+usedBelow+` THEN 1 ELSE 0 END,
		c.expires_at, c.max_depth, c.max_width, c.created_at, c.updated_at
	FROM capability c WHERE c.org_id = $1
	UNION ALL
	SELECT %d, u.id, u.email, u.first_name, u.last_name, m.state, 0,
		CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), u.created_at, u.updated_at
	FROM access_rule r JOIN app_user u ON u.id = r.user_id JOIN membership m ON m.org_id = r.org_id AND m.user_id = u.id
	WHERE r.org_id = $1 AND r.role_id = 1`, partOrganization, partCapability, partOwner)
