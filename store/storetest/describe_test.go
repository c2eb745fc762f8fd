package storetest_test

import (
	"context"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/store/migrations"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

const schema = `-- oldest binary: 1
CREATE TABLE organization (
	id         @identity,
	parent_id  BIGINT REFERENCES organization (id),
	name       @text NOT NULL,
	note       @text NOT NULL DEFAULT '',
	created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX organization_name ON organization (parent_id, name) WHERE parent_id IS NOT NULL;
CREATE INDEX organization_created ON organization (created_at, id);
CREATE TABLE tag (
	org_id BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	tag    @text NOT NULL,
	PRIMARY KEY (org_id, tag)
);
`

func TestDescribe(t *testing.T) {
	t.Parallel()
	want := []string{
		"organization foreign key (parent_id) references organization (id) on delete no action",
		"organization index (created_at, id)",
		"organization primary key (id)",
		"organization unique (parent_id, name) partial",
		"organization.created_at integer not null",
		"organization.id integer not null identity",
		"organization.name text not null",
		"organization.note text not null default",
		"organization.parent_id integer",
		"schema_version primary key (version)",
		"schema_version.applied_at integer not null",
		"schema_version.hash text not null",
		"schema_version.name text not null",
		"schema_version.oldest_binary integer not null",
		"schema_version.version integer not null",
		"tag foreign key (org_id) references organization (id) on delete cascade",
		"tag primary key (org_id, tag)",
		"tag.org_id integer not null",
		"tag.tag text not null",
	}
	fsys := fstest.MapFS{"0001_tree.sql": {Data: []byte(schema)}}
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		got, err := storetest.Describe(context.Background(), db)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("Describe (-got +want):\n%s", diff)
		}
	})
}

func TestDescribeTellsWhatOneEngineForgives(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, sql, sqlite, postgres string }{
		{"text of the locale", "CREATE TABLE a (b TEXT)", "a.b text", "a.b text collation default"},
		{"nullable key", "CREATE TABLE a (b BIGINT PRIMARY KEY)", "a.b integer", "a.b integer not null"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			storetest.RunWith(t, nil, func(t *testing.T, db *sqldb.DB) {
				ctx := context.Background()
				if err := db.Write(ctx, func(tx *sqldb.Tx) error { return tx.Script(ctx, tt.sql) }); err != nil {
					t.Fatal(err)
				}
				lines, err := storetest.Describe(ctx, db)
				if err != nil {
					t.Fatal(err)
				}
				want := map[string]string{"sqlite": tt.sqlite, "postgres": tt.postgres}[db.Dialect().Name]
				if got := lines[len(lines)-1]; got != want {
					t.Errorf("Describe: got %q, want %q", got, want)
				}
			})
		})
	}
}

func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		s, err := migrations.Check(context.Background(), db, migrations.Files())
		if err != nil || s.State != migrations.Current || s.Schema != s.Binary {
			t.Errorf("Check: got %+v, %v, want current", s, err)
		}
	})
}
