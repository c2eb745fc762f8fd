package org

import (
	"context"
	"strings"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

const (
	maxProjectName = 256
	maxProjects    = 1000
)

// CreateProject makes a further project. Names are told apart by bytes; one that is taken is Conflict. An organization has at
// most 1000 projects, since every decision about it knows them all.
func (s *Service) CreateProject(ctx context.Context, by access.Caller, id ref.OrgID, name string) (p Project, err error) {
	if err := s.guard.Require(ctx, by, access.ProjectCreate, id); err != nil {
		return Project{}, err
	}
	var wrong problems
	checkText(&wrong, "name", name, maxProjectName)
	if strings.TrimSpace(name) == "" {
		wrong.add("name: is empty")
	}
	if err := wrong.err(); err != nil {
		return Project{}, err
	}
	err = s.store.Write(ctx, func(tx Tx) error {
		o, err := tx.Lock(ctx, id, true)
		if err != nil {
			return err
		}
		present, err := tx.Projects(ctx, id)
		if err != nil {
			return err
		}
		if err := admitProject(id, present, name); err != nil {
			return err
		}
		if p, err = tx.InsertProject(ctx, Project{Org: id, Name: name, CreatedAt: tx.Now(), UpdatedAt: tx.Now()}); err != nil {
			return err
		}
		e := audit.Entry{Org: o.ID, Actor: audit.ActorOf(by), Session: by.Session, RequestID: by.RequestID,
			Action: "project.create", TargetKind: "project", TargetID: p.ID.String(), After: asJSON(map[string]any{"name": name})}
		return tx.Record(ctx, e)
	})
	return p, err
}

func admitProject(id ref.OrgID, present []Project, name string) error {
	if len(present) >= maxProjects {
		return errs.Conflictf("", "organization %d has %d projects, and may have no more", id, len(present))
	}
	for _, o := range present {
		if o.Name == name {
			return errs.Conflictf("", "organization %d has a project %q already, %d: choose another name", id, name, o.ID)
		}
	}
	return nil
}
