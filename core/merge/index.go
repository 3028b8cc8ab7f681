package merge

import (
	"slices"

	"realmsync/core/changeset"
	"realmsync/core/value"
)

// The places of incoming instructions leave room in front of each for what is prepended to it.
const orderRoom = 1 << 32

func orderOf(i int) uint64 { return (uint64(i) + 1) * orderRoom }

// list is a list of incoming instructions, in order.
type list struct {
	nodes   []*node
	skipped int // dead ones met since they were last removed
}

// from returns the place of the first instruction behind the place after.
func (l *list) from(after uint64) int {
	if after == 0 {
		return 0
	}
	i, _ := slices.BinarySearchFunc(l.nodes, after+1, func(n *node, order uint64) int {
		if n.order < order {
			return -1
		}
		return 1
	})
	return i
}

// tidy removes the dead, if they are many: so a list in which everything gets discarded is not read over and over.
func (l *list) tidy() {
	if l.skipped > len(l.nodes)/2 {
		l.nodes = slices.DeleteFunc(l.nodes, func(n *node) bool { return n.dead })
		l.skipped = 0
	}
}

func (l *list) insert(n *node) { l.nodes = slices.Insert(l.nodes, l.from(n.order), n) }

// object and field are what is numbered besides names.
type (
	object struct {
		table int32
		key   value.Key
	}
	field struct{ table, name int32 }
)

// index finds the incoming instructions that an instruction can have to do with. All others it would pass without any effect
// (section 2.4), so the result doesn't depend on the index.
//
//	AddTable T                AddTable T, EraseTable T
//	EraseTable T              everything on T, AddColumn that links to T
//	AddColumn T.f to X        AddColumn T.f, EraseColumn T.f, EraseTable T, EraseTable X
//	EraseColumn T.f           Update of T.f in any object, AddColumn T.f, EraseColumn T.f, EraseTable T
//	instructions on T[k]      instructions on T[k], EraseTable T, EraseColumn T.f; of many on T[k] only some: see bucket
type index struct {
	names   map[string]int32 // classes and properties
	numbers map[object]int32
	objects []bucket // by number
	many    int      // see bucket

	schema  map[int32]*list // schema instructions by class
	erasing map[int32]*list // EraseTable and EraseColumn by class
	linking map[int32]*list // AddColumn by the class that it links to

	// Only if there are local EraseTable or EraseColumn:
	wide   bool
	paths  bool            // fields has all path instructions, not only Update
	tables map[int32]*list // everything by class
	fields map[field]*list // Update by property

	all *list // only for the comparison with all pairs

	lastTable  string // the name that was asked for last
	lastNumber int32
}

const maxLists = 4

func (x *index) build(nodes []node, wide, paths, allPairs bool) {
	x.wide, x.paths = wide, paths
	x.names = make(map[string]int32, 16)
	x.numbers = make(map[object]int32, min(len(nodes), 1<<16))
	x.schema, x.erasing, x.linking = map[int32]*list{}, map[int32]*list{}, map[int32]*list{}
	if wide {
		x.tables, x.fields = map[int32]*list{}, map[field]*list{}
	}
	x.lastNumber = unknown
	var counts []int
	total := 0
	for i := range nodes {
		n := &nodes[i]
		x.number(n)
		if n.in.IsSchema() {
			continue
		}
		if int(n.object) == len(counts) {
			counts = append(counts, 0)
		}
		counts[n.object]++
		total++
	}
	// All lists of objects share one array.
	x.objects = make([]bucket, len(counts))
	array := make([]*node, total)
	at := 0
	for i, c := range counts {
		x.objects[i].all.nodes = array[at : at : at+c]
		at += c
	}
	for i := range nodes {
		n := &nodes[i]
		if !n.in.IsSchema() {
			x.objects[n.object].all.push(n)
		}
		x.enter(n, (*list).push)
	}
	if allPairs {
		x.all = &list{}
		for i := range nodes {
			x.all.push(&nodes[i])
		}
	}
}

func (l *list) push(n *node) { l.nodes = append(l.nodes, n) }

// insert adds an instruction that was prepended: an EraseColumn.
func (x *index) insert(n *node) {
	x.number(n)
	x.enter(n, (*list).insert)
	if x.all != nil {
		x.all.insert(n)
	}
}

// enter adds an instruction to the lists that go by class and property.
func (x *index) enter(n *node, add func(*list, *node)) {
	if n.in.IsSchema() {
		add(at(x.schema, n.table), n)
		switch {
		case n.in.Op == changeset.EraseTable || n.in.Op == changeset.EraseColumn:
			add(at(x.erasing, n.table), n)
		case n.in.Op == changeset.AddColumn && n.in.Schema.Type == value.KindLink:
			add(at(x.linking, x.name(n.in.Schema.LinkTarget)), n)
		}
	}
	if x.wide {
		add(at(x.tables, n.table), n)
		if n.in.Op == changeset.Update || x.paths && n.in.IsPath() {
			add(at(x.fields, field{n.table, n.field}), n)
		}
	}
}

func at[K comparable](m map[K]*list, k K) *list {
	l := m[k]
	if l == nil {
		l = &list{}
		m[k] = l
	}
	return l
}

// name returns the number of a name, a new one if it has none yet.
func (x *index) name(s string) int32 {
	n, ok := x.names[s]
	if !ok {
		n = int32(len(x.names))
		x.names[s] = n
		x.lastTable, x.lastNumber = "", unknown // it may have been asked for in vain
	}
	return n
}

// number gives the names and keys of an incoming instruction their numbers.
func (x *index) number(n *node) {
	n.table, n.field, n.object = x.name(n.in.Table), unknown, unknown
	if n.depth > 2 || n.in.Op == changeset.AddColumn || n.in.Op == changeset.EraseColumn {
		n.field = x.name(n.in.Field)
	}
	if !n.in.IsSchema() {
		key := object{n.table, n.in.Key}
		number, ok := x.numbers[key]
		if !ok {
			number = int32(len(x.numbers))
			x.numbers[key] = number
		}
		n.object = number
	}
}

// find looks the numbers of a local instruction up.
func (x *index) find(n *node) {
	if x.lastTable != n.in.Table || x.lastNumber == unknown {
		x.lastTable, x.lastNumber = n.in.Table, x.known(n.in.Table)
	}
	n.table, n.field, n.object = x.lastNumber, unknown, unknown
	if n.table == unknown {
		return
	}
	if !n.in.IsSchema() {
		if number, ok := x.numbers[object{n.table, n.in.Key}]; ok {
			n.object = number
		}
	}
	if n.depth > 2 && (n.object != unknown || len(x.erasing) > 0) || n.in.Op == changeset.AddColumn || n.in.Op == changeset.EraseColumn {
		n.field = x.known(n.in.Field)
	}
}

func (x *index) known(s string) int32 {
	if n, ok := x.names[s]; ok {
		return n
	}
	return unknown
}

// related gives the lists of the incoming instructions that a local one can have to do with.
func (x *index) related(n *node, lists *[maxLists]*list) (count int) {
	add := func(l *list) {
		if l != nil && len(l.nodes) > 0 {
			lists[count] = l
			count++
		}
	}
	if x.all != nil {
		add(x.all)
		return count
	}
	switch n.in.Op {
	case changeset.AddTable:
		add(x.schema[n.table])
	case changeset.EraseTable:
		add(x.tables[n.table])
		add(x.linking[n.table])
	case changeset.AddColumn:
		add(x.schema[n.table])
		if n.in.Schema.Type == value.KindLink {
			if target := x.known(n.in.Schema.LinkTarget); target != n.table && target != unknown {
				add(x.schema[target])
			}
		}
	case changeset.EraseColumn:
		add(x.schema[n.table])
		add(x.fields[field{n.table, n.field}])
	default:
		if n.object != unknown {
			for _, l := range x.objects[n.object].related(n, x.many) {
				if l != nil {
					l.tidy() // nothing walks through it: only schema instructions have others walked meanwhile
					add(l)
				}
			}
		}
		if len(x.erasing) > 0 {
			add(x.erasing[n.table])
		}
	}
	return count
}
