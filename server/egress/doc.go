// Package egress owns the requests that the server itself makes: to fetch the keys of an identity provider, to exchange a code, to
// ask about a token (app-services 13.4), and for functions of apps (context.http).
//
// An address comes from an app's configuration, so whoever configures an app could make the server look around in the network that
// it runs in. Therefore: HTTPS only, a time limit, a limit of the answer's size, and no redirect to an address that is not public.
// The configured address itself may be private: an identity provider of the house is a good reason. An address that a function names
// may not, and whatever it answers, a redirect too, is the function's (NewPublic); which hosts it may name the operator says.
package egress
