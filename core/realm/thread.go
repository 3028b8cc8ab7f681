package realm

/*
#include "object.h"
#cgo noescape rlm_thread_id
#cgo nocallback rlm_thread_id
*/
import "C"

// osThreadID numbers the threads of the process. Unlike the operating system's numbers, these are never used again: an instance that
// a thread left behind is not taken over by another one.
func osThreadID() int { return int(C.rlm_thread_id()) }
