package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
)

// creator makes customers of a root over the API, each another.
type creator struct {
	*caller
	path string
	n    atomic.Int64
}

func newCreator(c *caller, w *world) *creator {
	return &creator{caller: c, path: fmt.Sprintf("/msp/v2/orgs/%d/customers", w.made.OrgID)}
}

func (c *creator) create(ctx context.Context) error {
	return c.post(ctx, c.path, numbered("api-", int(c.n.Add(1))).body(), http.StatusCreated)
}

// inserter makes customers of a root by bare transactions.
type inserter struct {
	*rawDB
	root int64
	n    int
}

// newInserter works on a database of its own: the product's has a writer already.
func (l *lab) newInserter(ctx context.Context, customers int) (*inserter, error) {
	w, err := l.sqliteWorld(ctx, customers)
	if err != nil {
		return nil, err
	}
	r, err := l.raw(ctx, w, writerSettings)
	if err != nil {
		return nil, err
	}
	return &inserter{rawDB: r, root: int64(w.made.OrgID)}, nil
}

func (i *inserter) create(ctx context.Context) error {
	i.n++
	c := numbered("raw-", i.n)
	return i.transaction(ctx, func() error { return i.insert(ctx, i.root, c) })
}

func prepareCreate(ctx context.Context, l *lab) ([]figure, error) {
	w, err := l.sqliteWorld(ctx, l.sizes.small)
	if err != nil {
		return nil, err
	}
	s, err := l.newInserter(ctx, l.sizes.small)
	if err != nil {
		return nil, err
	}
	c, err := l.served(ctx, w, connections)
	if err != nil {
		return nil, err
	}
	api := newCreator(c, w)
	if err := l.warmed(ctx, api.create); err != nil {
		return nil, err
	}
	median := floor{"S", func(ctx context.Context) (float64, error) {
		return p50(l.sizes.creates, func(int) error { return s.create(ctx) })
	}}
	rate := floor{"S", func(ctx context.Context) (float64, error) { return throughput(ctx, 1, l.sizes.busy, s.create) }}
	return []figure{
		{
			name: "create a customer, SQLite, 1 connection, p50", unit: seconds,
			take: func(ctx context.Context) (float64, error) {
				return p50(l.sizes.creates, func(int) error { return api.create(ctx) })
			},
			floors: []floor{median, l.floorH()}, join: sum, against: "S + H", bar: 1.5,
		},
		{
			name: "create a customer, SQLite, " + strconv.Itoa(connections) + " connections", unit: perSecond,
			take: func(ctx context.Context) (float64, error) {
				return throughput(ctx, connections, l.sizes.busy, api.create)
			},
			floors: []floor{rate}, against: "S, one after another", bar: 0.6, atLeast: true,
		},
	}, nil
}

func prepareCreatePostgres(ctx context.Context, l *lab) ([]figure, error) {
	w, err := l.postgresWorld(ctx, l.sizes.small)
	if err != nil {
		return nil, err
	}
	p, err := l.floorP(ctx)
	if err != nil {
		return nil, err
	}
	c, err := l.served(ctx, w, connections)
	if err != nil {
		return nil, err
	}
	api := newCreator(c, w)
	if err := l.warmed(ctx, api.create); err != nil {
		return nil, err
	}
	return []figure{{
		name: "create a customer, PostgreSQL, " + strconv.Itoa(connections) + " connections, one parent", unit: perSecond,
		take: func(ctx context.Context) (float64, error) {
			return throughput(ctx, connections, l.sizes.busy, api.create)
		},
		floors: []floor{p}, against: "P", bar: 0.25, atLeast: true,
	}}, nil
}
