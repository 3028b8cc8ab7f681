package session

import "time"

// waitForUpload adds an upload wait: for everything that is committed now.
func (l *link) waitForUpload(b *binding, id uint64, now time.Time) {
	if b.detached || b.stage == gone {
		return
	}
	// A job that is under way may have looked already, so this one waits for the next.
	b.newUploads = append(b.newUploads, id)
	l.touch(b)
	l.settle(now)
}

// waitForDownload adds a download wait: for everything that the server has now.
func (l *link) waitForDownload(b *binding, id uint64, now time.Time) {
	if b.detached || b.stage == gone {
		return
	}
	b.downloads = append(b.downloads, wait{id, b.requestMark()})
	l.touch(b)
	l.settle(now)
}

// committed is called when somebody has committed to the file.
func (l *link) committed(b *binding, now time.Time) {
	if b.detached || b.stage == gone {
		return
	}
	b.wantScan = true
	l.touch(b)
	l.settle(now)
}
