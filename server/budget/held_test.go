package budget

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// ended takes what is held in turn, and returns the places of those that were ended by the end of it.
func ended(t *testing.T, h *Held, list ...Owner) (places []int) {
	t.Helper()
	for i, o := range list {
		_, err := h.Take(10, o, func() { places = append(places, i) })
		require.NoError(t, err)
		require.LessOrEqual(t, h.Bytes(), h.most)
	}
	return places
}

// Whoever holds most loses what it has held for longest; those who hold less lose nothing, be they in another app, at another address, or another user at the same.
func TestHeldIsFair(t *testing.T) {
	of := func(app, address, user string) Owner { return Owner{app, address, user} }
	for name, c := range map[string]struct {
		list  []Owner
		ended []int
	}{
		"one":                   {[]Owner{of("a", "1", "x"), of("a", "1", "x"), of("a", "1", "x"), of("a", "1", "x"), of("a", "1", "x"), of("a", "1", "x")}, []int{0, 1}},
		"another user":          {[]Owner{of("a", "1", "y"), of("a", "1", "x"), of("a", "1", "x"), of("a", "1", "x"), of("a", "1", "x"), of("a", "1", "x")}, []int{1, 2}},
		"another address":       {[]Owner{of("a", "2", "y"), of("a", "1", "u"), of("a", "1", "v"), of("a", "1", "w"), of("a", "1", "x"), of("a", "1", "z")}, []int{1, 2}},
		"one user, everywhere":  {[]Owner{of("a", "2", "x"), of("a", "1", "x"), of("a", "3", "x"), of("a", "3", "x"), of("a", "1", "y"), of("a", "1", "x")}, []int{1, 2}},
		"another app":           {[]Owner{of("b", "1", "x"), of("a", "1", "x"), of("a", "2", "y"), of("a", "3", "z"), of("a", "4", "u"), of("a", "5", "v")}, []int{1, 2}},
		"an app that comes":     {[]Owner{of("a", "1", "x"), of("a", "2", "y"), of("a", "3", "z"), of("a", "4", "u"), of("b", "1", "x"), of("b", "2", "x")}, []int{0, 1}},
		"a user name elsewhere": {[]Owner{of("b", "1", "x"), of("b", "1", "x"), of("a", "1", "x"), of("a", "2", "y"), of("a", "2", "y"), of("a", "3", "x")}, []int{3, 2}},
		"who comes has most":    {[]Owner{of("b", "1", "x"), of("b", "1", "y"), of("a", "1", "x"), of("b", "2", "z"), of("c", "1", "x"), of("c", "1", "x")}, []int{0, 1}},
		"enough":                {[]Owner{of("a", "1", "x"), of("a", "1", "x"), of("a", "1", "x"), of("a", "1", "x")}, nil},
	} {
		require.Equal(t, c.ended, ended(t, NewHeld(40), c.list...), name)
	}
}

// What is larger ends several; what is given back ends nobody, and isn't ended any more; what is larger than everything is refused, and ends nobody.
func TestHeldIsGivenBack(t *testing.T) {
	h := NewHeld(40)
	var gone []string
	take := func(name string, bytes int) *Hold {
		one, err := h.Take(bytes, Owner{User: name}, func() { gone = append(gone, name) })
		require.NoError(t, err)
		return one
	}
	a, b, c := take("a", 10), take("b", 11), take("c", 12)
	_, err := h.Take(41, Owner{}, func() { t.Error("it is not held") })
	require.ErrorIs(t, err, ErrTooLarge)
	require.Empty(t, gone)
	require.EqualValues(t, 33, h.Bytes())
	b.Give()
	b.Give()
	require.EqualValues(t, 22, h.Bytes())
	take("d", 18)
	require.Empty(t, gone)
	whole := take("e", 40)
	require.Equal(t, []string{"d", "c", "a"}, gone, "those who hold most, first")
	require.EqualValues(t, 40, h.Bytes())
	take("f", 1)
	require.Equal(t, []string{"d", "c", "a", "e"}, gone)
	whole.Give()
	a.Give()
	c.Give()
	require.EqualValues(t, 1, h.Bytes())
	require.Len(t, h.list, 1)
}

// However many take and give at the same time, no more is held than may be, and nothing is left over.
func TestHeldConcurrently(t *testing.T) {
	h := NewHeld(1000)
	var running sync.WaitGroup
	for i := range 16 {
		running.Go(func() {
			for k := range 200 {
				over := make(chan struct{})
				one, err := h.Take(1+k, Owner{User: fmt.Sprint(i % 4)}, func() { close(over) })
				if err != nil {
					t.Error(err)
				}
				if h.Bytes() > 1000 {
					t.Error("more is held than may be")
				}
				select {
				case <-over:
				default:
				}
				one.Give()
			}
		})
	}
	running.Wait()
	require.Zero(t, h.Bytes())
	require.Empty(t, h.list)
}

// Without a budget everything is held.
func TestHeldWithoutEnd(t *testing.T) {
	var h *Held
	one, err := h.Take(1<<40, Owner{}, nil)
	require.NoError(t, err)
	one.Give()
	require.Zero(t, h.Bytes())
}
