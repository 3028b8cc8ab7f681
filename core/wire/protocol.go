package wire

import "time"

// Version is the protocol version spoken here, MinVersion the oldest that a client of this kind offers (section 1.3).
// There are no differences in layout between them for a client of version 14.
const (
	Version    = 14
	MinVersion = 2
)

// The versions that introduced something that a server must know before it sends it (section 1.3).
const (
	VersionJSONError         = 4  // json_error from the server
	VersionCompensatingWrite = 5  // error 231
	VersionErrorAction       = 7  // key action of json_error; json_error from the client
	VersionBindJSON          = 8  // BIND carries JSON; HTTP refusals become close codes
	VersionLogMessage        = 10 // log_message; sessionReason in BIND
	VersionSchemaVersion     = 11 // schemaVersion in BIND, error 236
	VersionRealProgress      = 12 // the progress of DOWNLOAD is a real number; to older clients send Progress 0
	VersionServerBootstrap   = 14 // bootstraps that the server starts by itself
)

// RoutePrefix and RouteSuffix surround the app id in the path of the sync endpoint (section 1.1).
const (
	RoutePrefix = "/api/client/v2.0/app/"
	RouteSuffix = "/realm-sync"
	TokenQuery  = "baas_at" // query parameter that carries the access token
)

// Rules of compression and batching (sections 2.2 and 8.1), in bytes.
const (
	CompressAbove   = 1024     // bodies longer than this are deflated when that makes them smaller
	UploadBatchSize = 131072   // no changeset is added to an UPLOAD that has reached this
	MaxUploadSize   = 16777216 // no changeset is added to an UPLOAD that would reach this; a single larger one goes alone
)

// The client's timers (section 10.1). The package runs none of them.
const (
	ConnectTimeout     = 2 * time.Minute  // DNS, TCP, TLS and upgrade together
	PingPeriod         = time.Minute      // first ping after 0..PingPeriod, later ones after PingPeriod minus up to a tenth
	PongTimeout        = 2 * time.Minute  // counted from when the ping was due
	LingerTime         = 30 * time.Second // a connection outlives its last session by this
	FastReconnectLimit = time.Minute      // after a shorter gap uploads aren't delayed
	BackoffInitial     = time.Second      // first delay of a series of reconnects or resumptions
	BackoffMax         = 5 * time.Minute  // largest delay
	BackoffMultiplier  = 2                // each delay is this times the previous one
	BackoffJitter      = 4                // a delay d is shortened by up to d/BackoffJitter
	SessionClosedDelay = time.Second      // fixed resumption delay after CodeSessionClosed
	ServerIdleTimeout  = 30 * time.Minute // a server drops a connection that was silent for this long
)

// OriginTimestampEpoch is the zero of origin timestamps, 2015-01-01T00:00:00Z, in milliseconds of Unix time (section 3.4).
const OriginTimestampEpoch = 1420070400000

// CloseCode is the code of a WebSocket close frame (section 1.7).
type CloseCode uint16

// Close codes with a meaning of their own to a client. The others are those of RFC 6455.
const (
	CloseNormal          CloseCode = 1000 // ignored by the original: it waits for the end of TCP
	CloseProtocolError   CloseCode = 1002
	CloseMessageTooBig   CloseCode = 1009 // the client resets its file
	CloseInternalError   CloseCode = 1011 // not fatal, retried
	CloseUnauthorized    CloseCode = 4001 // the client refreshes its access token
	CloseForbidden       CloseCode = 4002 // the client logs its user out
	CloseMoved           CloseCode = 4003 // the client asks for the location again
	CloseClientTooOld    CloseCode = 4004
	CloseClientTooNew    CloseCode = 4005
	CloseVersionMismatch CloseCode = 4006
)
