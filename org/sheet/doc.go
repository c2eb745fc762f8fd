// Package sheet brings customers in from a CSV file and out to CSV and XLSX.
//
// Read [Read] and [CSV] first. Both directions know six columns, and a file that was written can be read as it is:
//
//	name,externalId,description,capabilities,owners,tags
//	Acme,A-17,,iam;policy@2027-06-30,Ann Lee <ann@acme.example>;bo@acme.example,tier:gold;region:emea
//
// An empty cell says nothing about the customer, and a column may be left out altogether. Several values in a cell stand
// between semicolons; spaces around them do not count. A backslash takes the meaning from a semicolon, a backslash or a space
// that belongs to the value. A lone semicolon is the empty list. Line ends inside a cell are read as \n.
//
// A cell that a spreadsheet would take for a formula is written with a quote before it, and read without.
//
// What a row means for which customer, and whether it may, is decided by package org.
package sheet
