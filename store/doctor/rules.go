package doctor

import (
	"context"
	"fmt"
	"strings"

	"espalier.dev/access"
	"espalier.dev/store"
	"espalier.dev/store/sqldb"
)

// rule is a query for what breaks it.
type rule struct {
	name  string
	query string // one column of text: what breaks the rule
	wrong string // what it means, with %s for the culprits
	do    string // what helps
}

// most is how many culprits are named.
const most = 10

// examine asks for what breaks the rule.
func (r rule) examine(ctx context.Context, db *store.DB) Check {
	var culprits []string
	n := 0
	err := db.Snapshot(ctx, func(q *sqldb.Tx) error {
		return q.Rows(ctx, r.query, nil, func(scan func(...any) error) error {
			var text string
			if err := scan(&text); err != nil {
				return err
			}
			if n++; n <= most {
				culprits = append(culprits, text)
			}
			return nil
		})
	})
	if err != nil {
		return unreadable(r.name, err)
	}
	if n == 0 {
		return ok(r.name, "")
	}
	list := strings.Join(culprits, ", ")
	if n > most {
		list += fmt.Sprintf(" and %d more", n-most)
	}
	return bad(r.name, r.wrong+": %s", list, r.do)
}

const (
	fromBackup = "restore the last backup that espalier doctor finds whole into a new database"
	byHand     = "only a fault of the program or a hand in the database brings that about: report it with what was done last, and " + fromBackup
)

// storageRules ask the engine whether what it stored is whole.
var storageRules = map[string][]rule{
	"sqlite": {
		{
			name:  "storage",
			query: `SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'`,
			wrong: "the database file is damaged (%s)",
			do:    "look at the disk, and " + fromBackup,
		},
		{
			name: "references",
			query: `
				SELECT "table" || COALESCE(' row ' || CAST("rowid" AS TEXT), '') || ' to ' || parent
				FROM pragma_foreign_key_check`,
			wrong: "rows refer to rows that are not there: %s",
			do:    byHand,
		},
	},
	"postgres": {
		{
			name: "storage",
			query: `
				SELECT CAST(CAST(indexrelid AS regclass) AS TEXT) FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
				WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND NOT (x.indisvalid AND x.indisready)
				ORDER BY 1`,
			wrong: "PostgreSQL does not trust the indexes %s",
			do:    "build them anew with REINDEX INDEX",
		},
		{
			name: "references",
			query: `
				SELECT conname FROM pg_constraint
				WHERE connamespace = CAST(current_schema() AS regnamespace) AND NOT convalidated ORDER BY 1`,
			wrong: "PostgreSQL has not looked whether the rows meet the constraints %s",
			do:    "have it do so with ALTER TABLE … VALIDATE CONSTRAINT",
		},
	},
}

// owner is an access rule that makes a user an owner.
var owner = fmt.Sprintf(`r.role_id = %d AND r.user_id IS NOT NULL AND r.project_id IS NULL`, access.OrgOwner)

// treeRules are the rules of the tree. Source: docs/rules.md.
var treeRules = []rule{
	{
		name: "tree",
		query: `
			WITH RECURSIVE reached (id) AS (
				SELECT id FROM organization WHERE parent_id IS NULL
				UNION
				SELECT o.id FROM reached r JOIN organization o ON o.parent_id = r.id
			)
			SELECT CAST(o.id AS TEXT) FROM organization o LEFT JOIN reached r ON r.id = o.id
			WHERE r.id IS NULL OR o.parent_id >= o.id ORDER BY o.id`,
		wrong: "organizations that hang from no root, or were there before their parent: %s",
		do:    byHand,
	},
	{
		name: "owners",
		query: `
			SELECT CAST(o.id AS TEXT) FROM organization o
			WHERE NOT EXISTS (SELECT 1 FROM access_rule r WHERE r.org_id = o.id AND ` + owner + `) ORDER BY o.id`,
		wrong: "organizations without a user who owns them: %s",
		do:    "let their parents name owners, and report it: only a fault of the program or a hand in the database brings that about",
	},
	{
		name: "memberships of owners",
		query: `
			SELECT CAST(r.org_id AS TEXT) || ' (user ' || CAST(r.user_id AS TEXT) || ')' FROM access_rule r
			WHERE ` + owner + ` AND NOT EXISTS (SELECT 1 FROM membership m WHERE m.org_id = r.org_id AND m.user_id = r.user_id)
			ORDER BY r.org_id, r.user_id`,
		wrong: "organizations with owners who do not belong to them: %s",
		do:    byHand,
	},
	{
		name: "capability iam",
		query: `
			SELECT CAST(o.id AS TEXT) FROM organization o
			WHERE NOT EXISTS (SELECT 1 FROM capability c WHERE c.org_id = o.id AND c.name = 'iam') ORDER BY o.id`,
		wrong: "organizations without iam, which all have: %s",
		do:    "give it to them with espalier org set-capability ORG iam, and report it: only a fault of the program or a hand in the database brings that about",
	},
	{
		name: "capabilities",
		query: `
			SELECT CAST(o.id AS TEXT) || ' (' || c.name || ')' FROM organization o JOIN capability c ON c.org_id = o.id
			WHERE o.parent_id IS NOT NULL
				AND NOT EXISTS (SELECT 1 FROM capability p WHERE p.org_id = o.parent_id AND p.name = c.name)
			ORDER BY o.id, c.name`,
		wrong: "organizations that hold what their parent lacks: %s",
		do:    "give it to the parent or take it from the organization, and report it: only a fault of the program or a hand in the database brings that about",
	},
	{
		name: "projects",
		query: `
			SELECT CAST(o.id AS TEXT) FROM organization o
			WHERE NOT EXISTS (SELECT 1 FROM project p WHERE p.org_id = o.id AND p.name = 'main') ORDER BY o.id`,
		wrong: "organizations without a project main: %s",
		do:    byHand,
	},
	{
		name: "customer counts",
		query: `
			SELECT CAST(o.id AS TEXT) || ' (has ' || CAST(COALESCE(h.n, 0) AS TEXT) || ', counts ' || CAST(COALESCE(k.n, 0) AS TEXT) || ')'
			FROM organization o
			LEFT JOIN (SELECT parent_id, SUM(customers) AS n FROM customer_count GROUP BY parent_id) k ON k.parent_id = o.id
			LEFT JOIN (SELECT parent_id, count(*) AS n FROM organization WHERE parent_id IS NOT NULL GROUP BY parent_id) h ON h.parent_id = o.id
			WHERE COALESCE(h.n, 0) <> COALESCE(k.n, 0) ORDER BY o.id`,
		wrong: "organizations whose number of customers is counted wrong: %s",
		do:    byHand,
	},
}
