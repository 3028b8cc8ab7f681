// Package handle owns the handles of the C interface: numbers that C sees as pointers.
//
// C code never holds a Go pointer. It holds a number that says which kind of thing it is of, which slot of the kind's Table, and
// which use of that slot. So NULL, a released handle, a handle of another kind and a pointer that never was a handle are all
// recognised, by comparing numbers and without touching memory. A number that is none finds nothing.
//
// The numbers are odd and lie where no address can (not canonical on any 64-bit processor): code that takes one for a pointer
// faults at once, and no garbage collector takes one for an object.
package handle
