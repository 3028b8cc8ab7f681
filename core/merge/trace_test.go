package merge

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
)

// The worked trace of section 11: versions, cursors, reciprocals and results of two clients, step by step.
func TestWorkedTrace(t *testing.T) {
	one := func(text string) *changeset.Changeset {
		return &changeset.Changeset{Instructions: instructions(t, text)}
	}
	c2, c3 := newSimClient(t, 2, nil), newSimClient(t, 3, nil)
	s := newSimServer(t, nil, c2, c3)
	s.history = nil // the trace counts server versions from 1
	s.connect(c2)
	s.connect(c3)

	c2.commit(10, one("U #5 i=1")) // 1
	require.EqualValues(t, 2, c2.version())
	require.Zero(t, c2.entry(2).remote)

	s.upload(c2, c2.version()) // 2
	require.Equal(t, UploadCursor{2, 0}, c2.session)
	require.EqualValues(t, 1, s.version())
	require.EqualValues(t, 2, s.history[0].origin)
	require.EqualValues(t, 2, s.history[0].client)
	require.Equal(t, UploadCursor{2, 0}, s.files[2].Threshold())

	got := s.download(c3, 1, math.MaxInt, false) // 3
	require.Len(t, got, 1)
	require.Equal(t, DownloadCursor{1, 0}, c3.progress.Download)
	require.EqualValues(t, 2, c3.version())
	require.EqualValues(t, 2, c3.entry(2).origin)
	require.EqualValues(t, 1, c3.entry(2).remote)

	c2.commit(20, one("INS #5 l[0]=1 n0")) // 4
	c3.commit(15, one("INS #5 l[0]=2 n0"))
	require.EqualValues(t, 3, c2.version())
	require.EqualValues(t, 3, c3.version())
	require.Zero(t, c2.entry(3).remote)
	require.EqualValues(t, 1, c3.entry(3).remote)

	s.upload(c3, c3.version()) // 5
	require.Equal(t, UploadCursor{3, 1}, c3.session)
	require.Equal(t, instructions(t, "INS #5 l[0]=2 n0"), s.history[1].main.Instructions)
	require.Equal(t, UploadCursor{3, 1}, s.files[3].Threshold())

	s.upload(c2, c2.version()) // 6
	require.Equal(t, UploadCursor{3, 0}, c2.session)
	require.Equal(t, instructions(t, "INS #5 l[1]=1 n1"), s.history[2].main.Instructions)
	require.Len(t, s.files[2].reciprocals, 1)
	require.Equal(t, instructions(t, "INS #5 l[0]=2 n1"), s.files[2].reciprocals[2].Instructions)
	require.Equal(t, UploadCursor{3, 0}, s.files[2].Threshold())

	got = s.download(c2, 3, math.MaxInt, false) // 7
	require.Len(t, got, 1)
	require.EqualValues(t, 2, got[0].Version)
	require.Equal(t, instructions(t, "INS #5 l[0]=2 n1"), got[0].Changeset.Instructions)
	require.Equal(t, Progress{Download: DownloadCursor{3, 3}, Latest: LatestVersion{3, 7}, Upload: UploadCursor{3, 0}}, c2.progress)
	require.EqualValues(t, 3, c2.base, "everything up to version 3 is trimmed")
	require.EqualValues(t, 4, c2.version())
	require.EqualValues(t, 3, c2.entry(4).origin)
	require.EqualValues(t, 2, c2.entry(4).remote)

	got = s.download(c3, 3, math.MaxInt, false) // 8
	require.Len(t, got, 1)
	require.Equal(t, instructions(t, "INS #5 l[1]=1 n1"), got[0].Changeset.Instructions)
	require.Equal(t, Progress{Download: DownloadCursor{3, 3}, Latest: LatestVersion{3, 7}, Upload: UploadCursor{3, 1}}, c3.progress)
	require.EqualValues(t, 2, c3.entry(4).origin)
	require.EqualValues(t, 3, c3.entry(4).remote)

	require.Empty(t, s.upload(c2, c2.version())) // 9
	require.Empty(t, s.upload(c3, c3.version()))
	require.Equal(t, UploadCursor{4, 2}, c2.session)
	require.Equal(t, UploadCursor{4, 3}, c3.session)
	require.Equal(t, UploadCursor{4, 2}, s.files[2].Threshold())
	require.Equal(t, UploadCursor{4, 3}, s.files[3].Threshold())
	require.Empty(t, s.files[2].reciprocals)

	c2.commit(30, one("U #5 i=2"))
	require.EqualValues(t, 3, c2.entry(5).remote)
}
