// Package resolve ties the names of a policy template to what they name: blocks, parameters of escalations, definitions.
//
// Read [Resolve] and [Template] first. The blocks that $ refers to share one name space and may be named before
// they are declared; resources, policies, permissions and definitions each have a name space of their own. Two names that lead nowhere are allowed, because published
// templates have them: the parameter in aws_account_number, of which nothing then comes, and a definition that another
// definition calls, which fails when it is reached.
//
// Which kind of block may stand where is left to package check.
package resolve
