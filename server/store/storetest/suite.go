package storetest

import (
	"testing"

	"realmsync/server/store"
)

// Place is where a driver keeps one app's data. Open is called again and again on it, never while it is open.
type Place interface {
	Open(t testing.TB) store.Store
}

// Run runs the suite. place makes an empty place; what it needs to clean up it gives to t.Cleanup.
func Run(t *testing.T, place func(t testing.TB) Place) {
	for _, test := range []struct {
		name string
		run  func(*fixture)
	}{
		{"Empty", empty},
		{"RoundTrip", roundTrip},
		{"Replace", replace},
		{"NothingIsNotEmpty", nothingIsNotEmpty},
		{"ClassesAreDropped", classesAreDropped},
		{"ViewsAndResetsAreDropped", viewsAndResetsAreDropped},
		{"ReciprocalsAreDropped", reciprocalsAreDropped},
		{"Reclaims", reclaims},
		{"HistoryRanges", historyRanges},
		{"LargeNumbers", largeNumbers},
		{"ManyObjects", manyObjects},
		{"ScanOrder", scanOrder},
		{"ScanHolding", scanHolding},
		{"LargeBlobs", largeBlobs},
		{"Rollback", rollback},
		{"FailedCommit", failedCommit},
		{"TransactionsEnd", transactionsEnd},
		{"SnapshotsStandStill", snapshotsStandStill},
		{"ManySnapshots", manySnapshots},
		{"OneWriter", oneWriter},
		{"ReadersAndWriter", readersAndWriter},
		{"CloseWaits", closeWaits},
		{"Closed", closed},
		{"CallbackErrors", callbackErrors},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &fixture{t: t, place: place(t)}
			f.open()
			test.run(f)
			f.close()
		})
	}
}
