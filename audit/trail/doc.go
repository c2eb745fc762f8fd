// Package trail shows the audit log to those it is about, and keeps the record of calls of the API.
//
// Read [Service] first. [Service.Search] and [Service.Export] read entries of an organization, newest and oldest first;
// [Service.Events] is the same as the contract has it, a stream that can be polled; [Service.APIEvents] is the calls.
// A call is recorded after it was answered, in memory, and written within a second by [Recorder], so that no answer waits.
//
// Entries are written by the use cases of other packages, in their transactions, and sealed by audit.
package trail
