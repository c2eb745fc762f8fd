// Package syntax reads and prints policy templates. It knows the shape of the language, not its meaning: which statements
// there are, and where, is the business of package check.
//
// Read [Parse], [File] and [Statement] first. A template is a list of statements; a statement is a word, its arguments and,
// perhaps, a body of further statements:
//
//	datasource "ds_zones" do
//	  request do
//	    host "widgets.example.com"
//	  end
//	end
//
// The grammar is in grammar.txt. Parse never fails: whatever it is given it returns a tree of what it understood and a
// diagnostic for each thing that it did not. [Print] writes a tree anew and keeps its comments; [Dump] shows it for tests;
// [Inspect] walks it. A define block is kept as a stretch of the source, for package workflow.
package syntax
