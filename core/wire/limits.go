package wire

// Limits bounds what a parser accepts, in bytes unless said otherwise. A field that is 0 or negative takes the default of its
// direction: ServerLimits in ParseClientMessage, ClientLimits in ParseServerMessage.
type Limits struct {
	Message  int // one WebSocket message
	Body     int // body of UPLOAD or DOWNLOAD after decompression
	Entries  int // number of changesets in UPLOAD or DOWNLOAD
	BindData int // JSON of BIND
	Token    int // token slot of BIND
	Query    int // query body of IDENT and QUERY
	Text     int // text of ERROR and QUERY_ERROR, body of TEST_COMMAND
	JSON     int // body of JSON_ERROR and LOG_MESSAGE
}

// ServerLimits returns the default limits of a server. Message and Body leave room for the single changeset that a client
// sends alone although it exceeds MaxUploadSize; BindData and Token are those of the reference server (section 3.1).
func ServerLimits() Limits {
	return Limits{Message: 32 << 20, Body: 64 << 20, Entries: 1 << 20, BindData: 1024, Token: 2048, Query: 1 << 20, Text: 1 << 20, JSON: 64 << 10}
}

// ClientLimits returns the default limits of a client. They are generous, because the original has none (section 1.6).
func ClientLimits() Limits {
	return Limits{Message: 256 << 20, Body: 512 << 20, Entries: 1 << 22, BindData: 1024, Token: 2048, Query: 1 << 20, Text: 1 << 20, JSON: 16 << 20}
}

// or returns l with its unset fields taken from d.
func (l Limits) or(d Limits) Limits {
	pick := func(v *int, def int) {
		if *v <= 0 {
			*v = def
		}
	}
	pick(&l.Message, d.Message)
	pick(&l.Body, d.Body)
	pick(&l.Entries, d.Entries)
	pick(&l.BindData, d.BindData)
	pick(&l.Token, d.Token)
	pick(&l.Query, d.Query)
	pick(&l.Text, d.Text)
	pick(&l.JSON, d.JSON)
	return l
}
