package session

// event is what a protocol session tells its Session.
type event interface{ isEvent() }

type (
	// connectionEvent: the connection state of the session has changed.
	connectionEvent struct{ state ConnectionState }
	// failureEvent: something went wrong.
	failureEvent struct{ err *Error }
	// uploadedEvent and downloadedEvent: waits whose condition is met, in the order of their registration.
	uploadedEvent   struct{ waits []uint64 }
	downloadedEvent struct{ waits []uint64 }
)

func (connectionEvent) isEvent() {}
func (failureEvent) isEvent()    {}
func (uploadedEvent) isEvent()   {}
func (downloadedEvent) isEvent() {}

// action is what a link wants done.
type action interface{ isAction() }

type (
	// dialAction: connect. The result goes to link.opened or link.dialFailed, with the attempt.
	dialAction struct{ attempt uint64 }
	// closeAction: end the attempt, or close the socket that came of it.
	closeAction struct{ attempt uint64 }
	// sendAction: write the message to the socket. Then link.written. One at a time.
	sendAction struct{ msg []byte }
	// jobAction: have the file worked on. The result goes to link.jobDone.
	jobAction struct {
		b   *binding
		job job
	}
	// eventAction: tell the session. Then link.heard, with the size.
	eventAction struct {
		b     *binding
		event event
		size  int
	}
)

func (dialAction) isAction()  {}
func (closeAction) isAction() {}
func (sendAction) isAction()  {}
func (jobAction) isAction()   {}
func (eventAction) isAction() {}
