package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
)

// someCustomers lists ids of customers of a root, spread over all.
func someCustomers(ctx context.Context, c *caller, w *world) ([]int64, error) {
	var list []struct {
		ID int64 `json:"id"`
	}
	if err := c.read(ctx, fmt.Sprintf("/msp/v2/orgs/%d/customers", w.made.OrgID), &list); err != nil {
		return nil, err
	}
	const some = 1000
	ids := make([]int64, 0, some)
	for i := 0; i < len(list); i += max(1, len(list)/some) {
		ids = append(ids, list[i].ID)
	}
	return ids, nil
}

// getter gets any of some customers with the default view.
func getter(ctx context.Context, c *caller, w *world) (func(ctx context.Context) error, error) {
	ids, err := someCustomers(ctx, c, w)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		return c.get(ctx, fmt.Sprintf("/msp/v2/orgs/%d/customers/%d", w.made.OrgID, ids[rand.IntN(len(ids))]))
	}, nil
}

func prepareGet(ctx context.Context, l *lab) ([]figure, error) {
	w, err := l.sqliteWorld(ctx, l.sizes.customers)
	if err != nil {
		return nil, err
	}
	return l.figureGet(ctx, w, "SQLite", 0.4)
}

func prepareGetPostgres(ctx context.Context, l *lab) ([]figure, error) {
	w, err := l.postgresWorld(ctx, l.sizes.customers)
	if err != nil {
		return nil, err
	}
	return l.figureGet(ctx, w, "PostgreSQL", 0.15)
}

func (l *lab) figureGet(ctx context.Context, w *world, engine string, bar float64) ([]figure, error) {
	c, err := l.served(ctx, w, connections)
	if err != nil {
		return nil, err
	}
	get, err := getter(ctx, c, w)
	if err != nil {
		return nil, err
	}
	if err := l.warmed(ctx, get); err != nil {
		return nil, err
	}
	return []figure{{
		name: "get one customer, " + engine + ", " + strconv.Itoa(connections) + " connections", unit: perSecond,
		take:   func(ctx context.Context) (float64, error) { return throughput(ctx, connections, l.sizes.busy, get) },
		floors: []floor{l.floorH16()}, against: "H16", bar: bar, atLeast: true,
	}}, nil
}
