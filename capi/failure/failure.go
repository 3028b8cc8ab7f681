package failure

import (
	"errors"
	"fmt"
)

// Failure is what realm_error_t says.
type Failure struct {
	Status  Status
	Domain  Domain
	Code    int32
	Fatal   bool   // sync errors: the session stops
	Name    string // identifier
	Message string
}

// Of returns the failure that an error is. nil is OK.
func Of(err error) Failure {
	if err == nil {
		return Failure{Name: OK.String()}
	}
	var own *Error
	if errors.As(err, &own) {
		return library(own.Status, "", own.Text)
	}
	for _, translate := range []func(error) (Failure, bool){ofSession, ofApp, ofQuery, ofRow} {
		if f, ok := translate(err); ok {
			return f
		}
	}
	return library(Internal, "", err.Error())
}

// row says what an error that is known by errors.Is is to C.
type row struct {
	err    error
	status Status
	name   string // "": that of the status
}

func ofRow(err error) (Failure, bool) {
	for _, table := range [][]row{clientRows, realmRows, historyRows, changesetRows, schemaRows, storeRows, appRows} {
		for _, r := range table {
			if errors.Is(err, r.err) {
				return library(r.status, r.name, err.Error()), true
			}
		}
	}
	return Failure{}, false
}

func library(status Status, name, message string) Failure {
	if name == "" {
		name = status.String()
	}
	return Failure{Status: status, Domain: DomainLibrary, Code: int32(status), Name: name, Message: message}
}

// Error is a failure that the C interface itself finds: what it is given is checked before the core sees it.
type Error struct {
	Status Status
	Text   string
}

// Error returns the text.
func (e *Error) Error() string { return e.Text }

// Errorf returns an *Error.
func Errorf(status Status, format string, args ...any) error {
	return &Error{status, fmt.Sprintf(format, args...)}
}

// Panic returns the error that a panic is reported as.
func Panic(v any) error {
	return Errorf(Internal, "defect in librealm_sync, please report this text: %v", v)
}
