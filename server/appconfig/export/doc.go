// Package export reads and writes the directory that App Services exported an app as: realm_config.json (in older ones config.json), auth/,
// data_sources/, services/, functions/, values/, environments/ and sync/. What else is in it (triggers, hosting, endpoints) is not looked at.
//
// An export has no ids and no values of secrets. Ids are those that the app has already for what has the same name, or else follow from
// the names, so that reading a directory twice changes nothing. Values of secrets are those that the app has, and those of secrets.json,
// {"name":"value"}, which may be put there and is never written.
//
// A directory is somebody's text: files are bounded in size and number, and links that lead out of it are refused.
package export
