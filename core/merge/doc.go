// Package merge owns operational transformation, by which concurrent changesets are made to end in the same state everywhere, and
// the bookkeeping of versions that says which changesets are concurrent (spec/merge.md).
//
//   - Rules.ApplyEntry applies what a merge has made of an incoming changeset; Rules.ApplyForAll does at the server.
//   - Changesets merges two sets of changesets, Batch a whole download or upload with the history it must be merged with.
//   - Touch tells which objects changesets concern: only history that touches the same objects needs to be looked at.
//   - CheckDownload, UploadScan, TrimVersion are the client's rules, CheckIdent, CheckUpload, DownloadScan those of the server.
//
// The rules are those of the original (Realm Core 14.11.0) in what the specification calls compatible mode: its defects X1-X4, X8
// and X9 are reproduced, because peers that repair them alone diverge from those that don't; X5, X6 and X7 are not. For apps without
// clients of the original there is Strict, which repairs them: see Rules.
//
// The package is pure: no I/O of its own (a History may do I/O), no clock, no randomness. Its functions keep nothing between calls,
// so they may be called concurrently on different data. Changesets that are given to it are never written to: what merging changes
// is replaced. They may be shared and cached.
package merge
