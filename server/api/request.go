package api

import (
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// credentials are the headers and parameters that are between a client and the server, and no business of an app's functions.
var credentials = map[string]bool{"Authorization": true, "Proxy-Authorization": true, "Cookie": true, "Apikey": true, "Password": true}

// requestOf is what functions (context.request) and rules (%%request) see of a request. Behind a proxy that isn't trusted (forwarded) the address is the proxy's.
func requestOf(r *http.Request) bson.D {
	address := r.RemoteAddr
	if at, err := netip.ParseAddrPort(address); err == nil {
		address = at.Addr().Unmap().WithZone("").String()
	}
	headers := bson.D{}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if credentials[name] {
			continue
		}
		values := bson.A{}
		for _, v := range r.Header[name] {
			values = append(values, valid(v))
		}
		headers = append(headers, bson.E{Key: name, Value: values})
	}
	query := r.URL.RawQuery
	if r.URL.Query().Has("baas_at") { // a token
		query = ""
	}
	return bson.D{
		{Key: "remoteIPAddress", Value: address}, {Key: "httpMethod", Value: r.Method}, {Key: "httpUserAgent", Value: valid(r.UserAgent())},
		{Key: "httpReferer", Value: valid(r.Referer())}, {Key: "rawQueryString", Value: valid(query)}, {Key: "requestHeaders", Value: headers},
	}
}

// valid is a text as BSON may have it.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
