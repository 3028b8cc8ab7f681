package main

/*
#include "abi.h"
*/
import "C"

import (
	"syscall"
)

// schedulerSource is a configuration's scheduler: what each opening makes a scheduler of.
type schedulerSource struct {
	callback *callback
	wake     C.realm_scheduler_wake_t
	onThread C.realm_scheduler_is_on_thread_t // may be nil
}

// scheduler implements realm.Scheduler for the instances of one opening. Who uses it holds a reference of its callback.
type scheduler struct {
	*schedulerSource
	thread int // the opener, when the application doesn't say who is on the thread
}

// Wake calls the application.
func (s *scheduler) Wake(instance uint64) {
	s.callback.run(func() { C.rs_call_wake(s.wake, s.callback.userdata, C.uint64_t(instance)) })
}

// OnThread asks the application.
func (s *scheduler) OnThread() (yes bool) {
	if s.onThread == nil {
		return syscall.Gettid() == s.thread
	}
	s.callback.run(func() { yes = bool(C.rs_call_is_on_thread(s.onThread, s.callback.userdata)) })
	return yes
}
