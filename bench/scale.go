package main

import (
	"context"
	"fmt"
)

// scaled is a server over so many organizations.
type scaled struct {
	world *world
	*creator
	getOne func(context.Context) error
}

func (l *lab) scaled(ctx context.Context, customers int) (*scaled, error) {
	w, err := l.sqliteWorld(ctx, customers)
	if err != nil {
		return nil, err
	}
	c, err := l.served(ctx, w, 1)
	if err != nil {
		return nil, err
	}
	get, err := getter(ctx, c, w)
	if err != nil {
		return nil, err
	}
	return &scaled{w, newCreator(c, w), get}, nil
}

func (s *scaled) page(ctx context.Context) error { return s.caller.get(ctx, unfiltered.path(s.world)) }

func prepareScale(ctx context.Context, l *lab) ([]figure, error) {
	few, err := l.scaled(ctx, l.sizes.few)
	if err != nil {
		return nil, err
	}
	many, err := l.scaled(ctx, l.sizes.many)
	if err != nil {
		return nil, err
	}
	var figures []figure
	for _, what := range []struct {
		name string
		n    int
		do   func(*scaled) func(context.Context) error
		bar  float64
	}{
		{"get one customer", 5 * l.sizes.samples, func(s *scaled) func(context.Context) error { return s.getOne }, 1.3},
		{"create a customer", l.sizes.creates, func(s *scaled) func(context.Context) error { return s.create }, 1.3},
		{"page of 100", l.sizes.samples, func(s *scaled) func(context.Context) error { return s.page }, 2},
	} {
		at := func(s *scaled) taker {
			return func(ctx context.Context) (float64, error) {
				return p50(what.n, func(int) error { return what.do(s)(ctx) })
			}
		}
		figures = append(figures, figure{
			name: fmt.Sprintf("%s at %s organizations, p50", what.name, count(l.sizes.many)), unit: seconds, take: at(many),
			floors: []floor{{"the same at " + count(l.sizes.few), at(few)}}, against: "the same at " + count(l.sizes.few), bar: what.bar,
		})
	}
	return figures, nil
}
