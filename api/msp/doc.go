// Package msp serves the MSP Customer API, versions 1 and 2: /msp/v1 and /msp/v2.
//
// Read [Handlers] first, the table of operations. A handler translates: the rules are those of package org. What differs
// between the versions is spelled here and nowhere else. Source: the contract, section 2.
package msp
