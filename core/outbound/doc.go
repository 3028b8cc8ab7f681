// Package outbound says how connections to servers are made when the application wants something else than the system's way: through a
// proxy, with headers of its own, with its own trust. The HTTP transport of core/app and the WebSockets of core/session are built on it.
package outbound
