// Package prefault makes the program start sooner: before most other packages are initialized, it asks the kernel for the memory
// of the heap that they are about to fill, in one call instead of a page fault for each 4 KiB. Where a page fault is dear, as in
// small virtual machines (14 µs on the one that bench/README.md was written on), that is a tenth of the start. See
// docs/adr/0032-start.md.
package prefault
