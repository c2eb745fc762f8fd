package access

import (
	"strings"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// OwnerRequired is the refusal to leave organizations without an owner, by whatever path.
func OwnerRequired(orgs ...ref.OrgID) error {
	texts := make([]string, len(orgs))
	for i, id := range orgs {
		texts[i] = id.String()
	}
	return errs.Unprocessablef("owner_required", "organizations have at least one owner, always; this would leave none in %s", strings.Join(texts, ", "))
}
