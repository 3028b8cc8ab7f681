package session

import "log/slog"

// worker is the goroutine that alone calls the File of a session, and closes it in the end. What waits for it is bounded: a protocol
// session has one job at a time, and checks of sets are asked for once.
type worker struct {
	file  File
	mail  *mailbox[func(File)]
	log   *slog.Logger
	ended func(error) // called when the file is closed
}

func newWorker(file File, log *slog.Logger, ended func(error)) *worker {
	return &worker{file: file, mail: newMailbox[func(File)](), log: log, ended: ended}
}

// do has f called with the file, after all that was asked for before.
func (w *worker) do(f func(File)) { w.mail.put(f) }

// stop has the worker end when it has done what was asked for before.
func (w *worker) stop() { w.mail.put(nil) }

func (w *worker) run() {
	for range w.mail.signal {
		for _, f := range w.mail.take() {
			if f == nil {
				w.ended(w.file.Close())
				return
			}
			contained(w.log, "working on the realm file", func() { f(w.file) })
		}
	}
}
