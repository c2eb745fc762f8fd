package org

import (
	"context"
	"slices"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/ref"
)

// TagCount is a tag and how many direct customers carry it.
type TagCount struct {
	Tag       string
	Customers int64
}

// Tags lists the tags of a direct customer in byte order.
func (s *Service) Tags(ctx context.Context, by access.Caller, parent, id ref.OrgID) ([]string, error) {
	return readOne(ctx, s, by, access.TagShow, parent, func(tx Tx) ([]string, error) {
		if _, err := customer(ctx, tx, parent, id); err != nil {
			return nil, err
		}
		return tx.Tags(ctx, id)
	})
}

// AddTags adds tags to a direct customer; one it carries already does no harm. More than 25 in all is Invalid, and then
// none is added. It returns all tags of the customer.
func (s *Service) AddTags(ctx context.Context, by access.Caller, parent, id ref.OrgID, tags []string) ([]string, error) {
	if err := s.guard.Require(ctx, by, access.TagCreate, parent); err != nil {
		return nil, err
	}
	var p problems
	checkTags(&p, tags)
	if err := p.err(); err != nil {
		return nil, err
	}
	var all []string
	err := s.store.Write(ctx, func(tx Tx) error {
		o, present, err := lockTags(ctx, tx, parent, id)
		if err != nil {
			return err
		}
		all = union(present, tags)
		return retag(ctx, tx, by, o, present, all)
	})
	return all, err
}

// RemoveTag takes one tag from a direct customer, NotFound if it does not carry it.
func (s *Service) RemoveTag(ctx context.Context, by access.Caller, parent, id ref.OrgID, tag string) error {
	if err := s.guard.Require(ctx, by, access.TagDelete, parent); err != nil {
		return err
	}
	return s.store.Write(ctx, func(tx Tx) error {
		o, present, err := lockTags(ctx, tx, parent, id)
		if err != nil {
			return err
		}
		if !slices.Contains(present, tag) {
			return errs.NotFoundf("customer %d has no tag %q", id, clip(tag))
		}
		return retag(ctx, tx, by, o, present, without(present, tag))
	})
}

// lockTags returns a direct customer, held alone, and the tags it carries.
func lockTags(ctx context.Context, tx Tx, parent, id ref.OrgID) (Organization, []string, error) {
	o, err := lockCustomer(ctx, tx, parent, id)
	if err != nil {
		return Organization{}, nil, err
	}
	present, err := tx.Tags(ctx, id)
	return o, present, err
}

// retag makes the tags of a locked customer what they shall be, with the audit entry; nothing if they are.
func retag(ctx context.Context, tx Tx, by access.Caller, o Organization, present, wish []string) error {
	added, removed := missing(present, wish), missing(wish, present)
	if len(added) == 0 && len(removed) == 0 {
		return nil
	}
	if len(wish) > maxTags {
		return errs.Invalidf("tags: customer %d would carry %d tags; want at most %d, so none was added", o.ID, len(wish), maxTags)
	}
	if err := tx.RemoveTags(ctx, o.ID, removed); err != nil {
		return err
	}
	if err := tx.AddTags(ctx, o.ID, added); err != nil {
		return err
	}
	o.UpdatedAt = tx.Now()
	if err := tx.UpdateOrganization(ctx, o); err != nil {
		return err
	}
	return tx.Record(ctx, entry(by, "customer.tag", o, map[string]any{"tags": present}, map[string]any{"tags": wish}))
}

// CustomersByTag lists the ids of direct customers that match, by id, after the given one, at most limit; more says
// whether others follow.
func (s *Service) CustomersByTag(ctx context.Context, by access.Caller, parent ref.OrgID, match *filter.Expr, after ref.OrgID, limit int) (ids []ref.OrgID, more bool, err error) {
	ids, err = readOne(ctx, s, by, access.TagIndex, parent, func(tx Tx) ([]ref.OrgID, error) {
		return tx.CustomerIDs(ctx, parent, match, nil, after, limit+1)
	})
	if len(ids) > limit {
		return ids[:limit], true, err
	}
	return ids, false, err
}

// TagCounts lists the tags in use among direct customers, in byte order.
func (s *Service) TagCounts(ctx context.Context, by access.Caller, parent ref.OrgID) ([]TagCount, error) {
	return readOne(ctx, s, by, access.TagIndex, parent, func(tx Tx) ([]TagCount, error) { return tx.TagCounts(ctx, parent) })
}

// union is both lists in byte order, each tag once.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

func without(list []string, gone string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == gone })
}

// missing lists what of wish is not in present.
func missing(present, wish []string) []string {
	return slices.DeleteFunc(slices.Clone(wish), func(s string) bool { return slices.Contains(present, s) })
}
