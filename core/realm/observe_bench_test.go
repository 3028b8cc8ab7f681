package realm

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// observed is what BenchmarkObservers observes in a realm of n dogs: so many observers of it.
type observed struct {
	name    string
	observe func(b *testing.B, r *Realm, n int)
}

func observedQuery(text string) observed {
	return observed{text, func(b *testing.B, r *Realm, _ int) {
		token, err := ObserveResults(query(b, r, "Dog", text), func(CollectionChanges) {})
		require.NoError(b, err)
		b.Cleanup(token.Release)
	}}
}

// What an observer costs must depend on what changes, not on how much there is to observe: an observer of each of n objects or one of results
// with n objects, while another instance changes one object at a time. Look at the cpu-ns/refresh.
func BenchmarkObservers(b *testing.B) {
	for _, o := range []observed{
		{"objects", func(b *testing.B, r *Realm, n int) {
			for i := range n {
				o, err := r.Get(classOf(b, r, "Dog").ID, int64(3*i))
				require.NoError(b, err)
				token, err := ObserveObject(o, func(ObjectChanges) {})
				require.NoError(b, err)
				b.Cleanup(token.Release)
				ReleaseObject(o)
			}
		}},
		observedQuery("TRUEPREDICATE"), observedQuery("age >= 0"), observedQuery("age >= 0 SORT(name ASC)"), observedQuery("age >= 0 SORT(age ASC)"),
		observedQuery("friend.age >= 0"), observedQuery("owner == NULL DISTINCT(name)"),
	} {
		for _, own := range []bool{false, true} {
			for _, n := range []int{1000, 10_000, 100_000} {
				if o.name == "objects" && n > 10_000 {
					continue
				}
				b.Run(fmt.Sprintf("%s/own=%v/%d", o.name, own, n), func(b *testing.B) { benchObservers(b, o, own, n) })
			}
		}
	}
}

// benchObservers has the observing instance write the changes itself (own), or another one.
func benchObservers(b *testing.B, o observed, own bool, n int) {
	clean(b)
	on := &threads{}
	config := Config{Path: memoryDir(b) + "/test.realm", Schema: dogs, ThreadID: on.id}
	on.switchTo(2)
	writer := open(b, config)
	write(b, writer, func() {
		var last Object
		for i := range n {
			v := values{"_id": i64(int64(3 * i)), "name": str(fmt.Sprint(i * 7919 % n)), "age": i64(int64(i * 31 % n))}
			if last != nil {
				v["friend"] = last
			}
			dog, _, err := tryCreate(b, writer, "Dog", v, false)
			require.NoError(b, err)
			if last != nil {
				ReleaseObject(last)
			}
			last = dog
		}
		ReleaseObject(last)
	})
	on.switchTo(1)
	r := open(b, config)
	b.Cleanup(func() { on.switchTo(1) })
	o.observe(b, r, n)
	refresh(b, r)
	if own {
		writer = r
	}
	var spent time.Duration
	i := 0
	for b.Loop() {
		if !own {
			on.switchTo(2)
		}
		write(b, writer, func() {
			i++
			dog, err := writer.Get(classOf(b, writer, "Dog").ID, int64(3*(i*7919%n)))
			require.NoError(b, err)
			set1(b, dog, "age", i64(int64(i%n)))
			ReleaseObject(dog)
		})
		on.switchTo(1)
		start := cpu(b)
		refresh(b, r)
		spent += cpu(b) - start
	}
	b.ReportMetric(float64(spent)/float64(b.N), "cpu-ns/refresh")
}
