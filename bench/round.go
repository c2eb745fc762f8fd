package main

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// taker measures something once: seconds, operations a second, or bytes.
type taker func(ctx context.Context) (float64, error)

// floor is the least that something costs here.
type floor struct {
	name string
	take taker
}

// figure is a line of the table.
type figure struct {
	name string
	unit unit
	take taker

	floors  []floor
	against string                         // how the floors are joined, e.g. S + H
	join    func(floors []float64) float64 // nil: the first, or 1 where there is none and the bar is in the unit
	bar     float64
	atLeast bool // the bar is from below
}

// result is a figure over its rounds.
type result struct {
	figure
	rounds []round
	thrown int // rounds in which a floor moved
}

// round is one measurement. Floors are the mean of before and after.
type round struct{ value, floor float64 }

// steady is how far a floor may move within a round, as a ratio.
const steady = 1.3

// maxTries bounds the rounds that are thrown away: so many times the rounds that count are tried.
const maxTries = 4

// rounds interleaves: each round takes every figure once, between two takings of its floors.
func (l *lab) rounds(ctx context.Context, figures []figure) ([]result, error) {
	results := make([]result, len(figures))
	for i, f := range figures {
		results[i].figure = f
	}
	for range l.sizes.rounds * maxTries {
		done := true
		for i := range results {
			r := &results[i]
			if len(r.rounds) == l.sizes.rounds {
				continue
			}
			done = false
			if err := l.round(ctx, r); err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
		}
		if done {
			break
		}
	}
	return results, nil
}

func (l *lab) round(ctx context.Context, r *result) error {
	before, err := r.takeFloors(ctx)
	if err != nil {
		return err
	}
	value, err := r.take(ctx)
	if err != nil {
		return err
	}
	after, err := r.takeFloors(ctx)
	if err != nil {
		return err
	}
	mean := make([]float64, len(before))
	for i := range before {
		if moved := math.Max(before[i], after[i]) / math.Min(before[i], after[i]); moved > steady {
			r.thrown++
			l.log.Printf("%s: thrown away: %s moved from %s to %s", r.name, r.floors[i].name, r.unit.text(before[i]), r.unit.text(after[i]))
			return nil
		}
		mean[i] = (before[i] + after[i]) / 2
	}
	done := round{value, r.joined(mean)}
	r.rounds = append(r.rounds, done)
	if r.absolute() {
		l.log.Printf("%s: %s", r.name, r.unit.text(value))
	} else {
		l.log.Printf("%s: %s, floor %s, ratio %.2f", r.name, r.unit.text(value), r.unit.text(done.floor), value/done.floor)
	}
	return nil
}

func (f *figure) takeFloors(ctx context.Context) ([]float64, error) {
	values := make([]float64, len(f.floors))
	for i, fl := range f.floors {
		var err error
		if values[i], err = fl.take(ctx); err != nil {
			return nil, fmt.Errorf("floor %s: %w", fl.name, err)
		}
	}
	return values, nil
}

func (f *figure) joined(floors []float64) float64 {
	switch {
	case f.join != nil:
		return f.join(floors)
	case len(floors) == 0:
		return 1
	}
	return floors[0]
}

// absolute reports that the bar is in the figure's own unit, with no floor.
func (f *figure) absolute() bool { return len(f.floors) == 0 }

func (r *result) values() (value, floor, ratio float64) {
	var values, floors, ratios []float64
	for _, m := range r.rounds {
		values, floors, ratios = append(values, m.value), append(floors, m.floor), append(ratios, m.value/m.floor)
	}
	return median(values), median(floors), median(ratios)
}

// met reports whether the median of the ratios meets the bar.
func (r *result) met() bool {
	_, _, ratio := r.values()
	if r.atLeast {
		return ratio >= r.bar
	}
	return ratio <= r.bar
}

// median is NaN of nothing, so that no bar is met by it.
func median(list []float64) float64 {
	if len(list) == 0 {
		return math.NaN()
	}
	list = slices.Sorted(slices.Values(list))
	half := len(list) / 2
	if len(list)%2 == 1 {
		return list[half]
	}
	return (list[half-1] + list[half]) / 2
}

// sum joins floors by adding them.
func sum(floors []float64) float64 {
	var total float64
	for _, f := range floors {
		total += f
	}
	return total
}
