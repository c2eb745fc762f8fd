// Package iam serves the IAM API, /iam/v1: so far organizations, their projects and what they hold.
//
// Read [Handlers] first, the table of operations. Source: the contract, section 4.
package iam
