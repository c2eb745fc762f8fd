// Package ref holds the typed ids of everything in the product, so that swapped arguments do not compile, and the
// grammar of references, the strings by which one API names a thing of another:
//
//	ref:{zone}:{orgId}:{scope}:{service}:{type}:{id}
//	ref:nam:100::iam:group:1
//	ref:nam:1234:project/2345:policy:policy-template:65fe…
//
// Read [OrgID] and [Ref] first. It imports nothing of ours. Source: contract/README.md, section 1.2.
package ref
