// Package iam holds people and what they may do: who a user is, where it belongs, and which roles it holds there.
//
// Read [Service] and [Profile] first. What a role means and whether a caller may do something is decided by access; owners of
// customers are named through org.
package iam
