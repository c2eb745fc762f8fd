package scim

import (
	"context"
	"slices"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/iam"
	"espalier.dev/ref"
)

// groupTx is what the use cases of user groups ask of a transaction.
type groupTx interface {
	// SCIMGroups lists user groups by id, without members.
	SCIMGroups(ctx context.Context, org ref.OrgID) ([]Group, error)
	// SCIMGroupsBy lists those that a key finds.
	SCIMGroupsBy(ctx context.Context, org ref.OrgID, key Key) ([]Group, error)
	// SCIMMembers lists who is in a user group, by id; of those named alone, unless only is nil.
	SCIMMembers(ctx context.Context, org ref.OrgID, id ref.UserGroupID, only []ref.UserID) ([]Member, error)
	// SetGroupKey writes the directory's own key of a user group.
	SetGroupKey(ctx context.Context, org ref.OrgID, id ref.UserGroupID, externalID string) error
}

// Groups gives those of a page to each, by id and without members, and returns how many match in all.
func (s *Service) Groups(ctx context.Context, by access.Caller, org ref.OrgID, p Page, each func(Group) error) (total int, err error) {
	if err := s.cfg.Guard.Require(ctx, by, access.SCIMGroupIndex, org); err != nil {
		return 0, err
	}
	var list []Group
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		list, err = candidates(ctx, tx, org, p.Match)
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, g := range list {
		if !p.Match.selects(g.values()) {
			continue
		}
		if total++; p.has(total) {
			g.Members = nil
			if err := each(g); err != nil {
				return 0, err
			}
		}
	}
	return total, nil
}

// candidates reads what a filter may select, each with the members that the filter names.
func candidates(ctx context.Context, tx Tx, org ref.OrgID, f *Filter) (list []Group, err error) {
	if f.Keys() == nil {
		if list, err = tx.SCIMGroups(ctx, org); err != nil || f == nil || !f.asks("members") {
			return list, err
		}
	}
	for _, k := range f.Keys() {
		some, err := tx.SCIMGroupsBy(ctx, org, k)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	slices.SortFunc(list, func(a, b Group) int { return int(a.ID - b.ID) })
	list = slices.CompactFunc(list, func(a, b Group) bool { return a.ID == b.ID })
	if !f.asks("members") {
		return list, nil
	}
	for i := range list {
		if list[i].Members, err = tx.SCIMMembers(ctx, org, list[i].ID, nil); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Group returns one; members says whether to read who is in it.
func (s *Service) Group(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserGroupID, members bool) (g Group, err error) {
	if err := s.cfg.Guard.Require(ctx, by, access.SCIMGroupShow, org); err != nil {
		return Group{}, err
	}
	err = s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		g, err = groupOf(ctx, tx, org, id, members)
		return err
	})
	return g, err
}

func groupOf(ctx context.Context, tx Tx, org ref.OrgID, id ref.UserGroupID, members bool) (Group, error) {
	found, err := tx.SCIMGroupsBy(ctx, org, Key{ByID, id.String()})
	if err == nil && len(found) == 0 {
		err = errs.NotFoundf("organization %d has no user group %d", org, id)
	}
	if err != nil || !members {
		return first(found), err
	}
	g := found[0]
	g.Members, err = tx.SCIMMembers(ctx, org, id, nil)
	return g, err
}

func first(list []Group) Group {
	if len(list) == 0 {
		return Group{}
	}
	return list[0]
}

// NewGroup is a user group to be made. Where it is there already, an empty member keeps what is.
type NewGroup struct {
	Name       string
	ExternalID string
	Members    []ref.UserID
}

// CreateGroup makes a user group that the directory manages from then on. Like [Service.CreateUser] it is the same again; but one
// that people made is theirs, and its name is taken.
func (s *Service) CreateGroup(ctx context.Context, by access.Caller, org ref.OrgID, n NewGroup) (g Group, err error) {
	if err := s.cfg.Guard.Require(ctx, by, access.SCIMGroupCreate, org); err != nil {
		return Group{}, err
	}
	if err := checkGroup(n.Name, n.ExternalID); err != nil {
		return Group{}, err
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		named, err := tx.SCIMGroupsBy(ctx, org, Key{ByName, n.Name})
		if err != nil {
			return err
		}
		if len(named) > 0 {
			g, err = s.groupAgain(ctx, tx, by, named[0], n)
			return err
		}
		g, err = s.insertGroup(ctx, tx, by, org, n)
		return err
	})
	return g, err
}

func (s *Service) groupAgain(ctx context.Context, tx Tx, by access.Caller, g Group, n NewGroup) (Group, error) {
	there, err := tx.Group(ctx, g.Org, g.ID, false)
	if err != nil {
		return Group{}, err
	}
	if there.ManagedBy != iam.BySCIM {
		return Group{}, errs.Conflictf("", "displayName: %.64q is user group %d already, which was not made by SCIM: link to it, or rename one of the two", n.Name, g.ID)
	}
	if g.ExternalID != "" && n.ExternalID != "" && g.ExternalID != n.ExternalID {
		return Group{}, errs.Conflictf("", "displayName: %.64q is user group %d, whose externalId is another: one of the two has to change in the directory", n.Name, g.ID)
	}
	return s.writeGroup(ctx, tx, by, g, n.edit())
}

// edit is a create of a group that is there.
func (n NewGroup) edit() groupEdit {
	e := groupEdit{name: &n.Name}
	if n.ExternalID != "" {
		e.externalID = &n.ExternalID
	}
	if n.Members != nil {
		e.members = []memberStep{{clear: true, in: n.Members}}
	}
	return e
}

func (s *Service) insertGroup(ctx context.Context, tx Tx, by access.Caller, org ref.OrgID, n NewGroup) (Group, error) {
	made, err := tx.InsertGroup(ctx, iam.Group{Org: org, Name: n.Name, ManagedBy: iam.BySCIM, CreatedAt: tx.Now(), UpdatedAt: tx.Now()})
	if err != nil {
		return Group{}, err
	}
	g := Group{ID: made.ID, Org: org, Name: n.Name, ExternalID: n.ExternalID, CreatedAt: tx.Now(), UpdatedAt: tx.Now()}
	if err := recordGroup(ctx, tx, by, "user_group.create", g, nil, g.told(iam.BySCIM)); err != nil {
		return Group{}, err
	}
	if n.ExternalID != "" {
		if err := tx.SetGroupKey(ctx, org, g.ID, n.ExternalID); err != nil {
			return Group{}, err
		}
	}
	if len(n.Members) == 0 {
		return g, nil
	}
	return s.writeMembers(ctx, tx, by, made, g, []memberStep{{in: n.Members}})
}

// GroupChange is what a replacement of a user group says; nil keeps.
type GroupChange struct {
	Name       string
	ExternalID *string
	Members    *[]ref.UserID
}

// ReplaceGroup makes a user group what the directory says.
func (s *Service) ReplaceGroup(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserGroupID, c GroupChange) (Group, error) {
	e := groupEdit{name: &c.Name, externalID: c.ExternalID}
	if c.Members != nil {
		e.members = []memberStep{{clear: true, in: *c.Members}}
	}
	return s.changeGroup(ctx, by, org, id, e)
}

// PatchGroup applies operations to a user group.
func (s *Service) PatchGroup(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserGroupID, ops []Operation) (Group, error) {
	e, err := readGroupEdit(ops)
	if err != nil {
		if denied := s.cfg.Guard.Require(ctx, by, access.SCIMGroupUpdate, org); denied != nil {
			return Group{}, denied // who may not, learns nothing of how
		}
		return Group{}, err
	}
	return s.changeGroup(ctx, by, org, id, e)
}

func (s *Service) changeGroup(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserGroupID, e groupEdit) (g Group, err error) {
	if err := s.cfg.Guard.Require(ctx, by, access.SCIMGroupUpdate, org); err != nil {
		return Group{}, err
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		if g, err = groupOf(ctx, tx, org, id, false); err != nil {
			return err
		}
		g, err = s.writeGroup(ctx, tx, by, g, e)
		return err
	})
	return g, err
}

// writeGroup makes a group what e says; the organization is held. From the first change on the directory manages it: people see that
// it does, and change it no more by hand.
func (s *Service) writeGroup(ctx context.Context, tx Tx, by access.Caller, g Group, e groupEdit) (Group, error) {
	there, err := tx.Group(ctx, g.Org, g.ID, false)
	if err != nil {
		return Group{}, err
	}
	if there.ManagedBy == iam.ByProvider {
		return Group{}, errs.Conflictf("", "user group %d is managed by an identity provider, not by SCIM", g.ID)
	}
	if e.empty() {
		return s.writeMembers(ctx, tx, by, there, g, nil)
	}
	present := g
	if e.name != nil {
		g.Name = *e.name
	}
	if e.externalID != nil {
		g.ExternalID = *e.externalID
	}
	if err := checkGroup(g.Name, g.ExternalID); err != nil {
		return Group{}, err
	}
	if g.Name != present.Name || g.ExternalID != present.ExternalID || there.ManagedBy != iam.BySCIM {
		g.UpdatedAt = tx.Now()
		if there, err = s.describeGroup(ctx, tx, by, there, present, g); err != nil {
			return Group{}, err
		}
	}
	return s.writeMembers(ctx, tx, by, there, g, e.members)
}

func (s *Service) describeGroup(ctx context.Context, tx Tx, by access.Caller, there iam.Group, was, is Group) (iam.Group, error) {
	before, after := was.told(there.ManagedBy), is.told(iam.BySCIM)
	there.Name, there.ManagedBy, there.UpdatedAt = is.Name, iam.BySCIM, is.UpdatedAt
	if err := tx.UpdateGroup(ctx, there); err != nil {
		return iam.Group{}, err
	}
	if err := tx.SetGroupKey(ctx, is.Org, is.ID, is.ExternalID); err != nil {
		return iam.Group{}, err
	}
	return there, recordGroup(ctx, tx, by, "user_group.update", is, before, after)
}

// told is a group as audit entries tell it.
func (g Group) told(by iam.Manager) map[string]any {
	return map[string]any{"name": g.Name, "externalId": g.ExternalID, "managedBy": by}
}

// writeMembers changes who is in a group and reads who is then. Who is to be in it has to be a member of the organization; all who
// are none are named.
func (s *Service) writeMembers(ctx context.Context, tx Tx, by access.Caller, there iam.Group, g Group, steps []memberStep) (Group, error) {
	r := roster{shall: map[ref.UserID]bool{}, among: func(only []ref.UserID) ([]Member, error) {
		return tx.SCIMMembers(ctx, g.Org, g.ID, only)
	}}
	for _, m := range steps {
		if err := r.take(m); err != nil {
			return Group{}, err
		}
	}
	joining, leaving, err := r.changes()
	if err != nil {
		return Group{}, err
	}
	strangers, err := tx.NotMembers(ctx, g.Org, joining)
	if err != nil {
		return Group{}, err
	}
	if len(strangers) > 0 {
		return Group{}, errs.Invalidf("members: not users of organization %d: %s", g.Org, joinIDs(strangers))
	}
	if err := s.cfg.People.LeaveGroup(ctx, tx, by, there, leaving); err != nil {
		return Group{}, err
	}
	if err := s.cfg.People.JoinGroup(ctx, tx, by, there, joining); err != nil {
		return Group{}, err
	}
	g.Members, err = tx.SCIMMembers(ctx, g.Org, g.ID, nil)
	return g, err
}

// DeleteGroup removes a user group; what its users had through it alone they lose at once.
func (s *Service) DeleteGroup(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserGroupID) error {
	return s.cfg.People.DropGroup(ctx, by, org, id)
}

func recordGroup(ctx context.Context, tx Tx, by access.Caller, action string, g Group, before, after any) error {
	return record(ctx, tx, by, audit.Entry{Org: g.Org, Action: action, TargetKind: "user_group", TargetID: g.ID.String()}, before, after)
}
