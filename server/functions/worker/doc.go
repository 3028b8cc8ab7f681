// Package worker runs JavaScript in processes of its own, so that nothing that a source does to the process that runs it is done to the
// server: a stack or a heap that overflows, a step that cannot be interrupted, an error of the runtime.
//
// A worker is this program started again (Hook), with two pipes and nothing else: no environment, no files, no sockets, and no way to open
// any. It runs the code of one app in its life, one call at a time and the calls that this call leads to. What a function asks for goes to
// the server over the pipe (Host), which answers with the rights of that call, whatever the worker says; everything that comes from a worker
// is bounded and checked before it is read. A worker that passes a limit is killed, and the next call gets another.
//
// In the server: Pool has the workers, Lease is one while a call has it, Check compiles a source in a worker. In the worker: main.go, which
// hands each call to package script.
package worker
