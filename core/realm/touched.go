package realm

import (
	"maps"
	"slices"

	"realmsync/core/schema"
	"realmsync/core/store"
	"realmsync/core/value"
)

// contentDepth is over how many links an object reaches what counts as its content for observers of results and collections: what it
// links to, what is linked from there, and once more. Embedded objects are such steps, collections are not. The original looks as far.
const contentDepth = 3

// touched returns the objects of a class whose content changed: properties, collections, and whatever their links reach within contentDepth.
// Nil: it isn't known, any may have changed. It is worked out once for all observers, from the changes backwards along the links. The lock
// is held.
func (r *Realm) touched(class uint32, changes *changesSince) map[int64]struct{} {
	if !changes.complete {
		return nil
	}
	if rows, ok := changes.touched[class]; ok {
		return rows
	}
	rows, err := r.reaching(class, changes)
	if err != nil {
		r.logger.Warn("it can't be told which objects changed: all may have", "path", r.path, "version", r.version, "error", err)
	}
	if changes.touched == nil {
		changes.touched = map[uint32]map[int64]struct{}{}
	}
	changes.touched[class] = rows
	return rows
}

// reaching walks the links backwards, a step at a time, until the objects of the class have been found.
func (r *Realm) reaching(class uint32, changes *changesSince) (map[int64]struct{}, error) {
	away := r.stepsFrom(class)
	seen := map[uint32]map[int64]struct{}{}
	fresh := map[uint32][]int64{}
	add := func(class uint32, row int64) {
		if seen[class] == nil {
			seen[class] = map[int64]struct{}{}
		}
		if _, ok := seen[class][row]; !ok {
			seen[class][row] = struct{}{}
			fresh[class] = append(fresh[class], row)
		}
	}
	for _, c := range changes.list {
		for class := range away {
			cc := c.Of(class)
			if cc == nil {
				continue
			}
			for _, m := range cc.Modified {
				add(class, m.Row)
			}
			for _, row := range cc.Deleted { // if it is there, it was made anew
				add(class, row)
			}
		}
	}
	for left := contentDepth; left > 0 && len(fresh) > 0; left-- {
		last := fresh
		fresh = map[uint32][]int64{}
		for _, id := range slices.Sorted(maps.Keys(last)) {
			cl := r.conn.ClassByID(id)
			if cl == nil || away[id] > left {
				continue
			}
			owners, err := r.conn.Linking(cl, last[id], func(class uint32) bool {
				steps, ok := away[class]
				return ok && steps < left
			})
			if err != nil {
				return nil, err
			}
			for class, rows := range owners {
				for _, row := range rows {
					add(class, row)
				}
			}
		}
	}
	if seen[class] == nil {
		return map[int64]struct{}{}, nil
	}
	return seen[class], nil
}

// stepsFrom returns over how many links the objects of each class can be reached from those of one class, as far as contentDepth.
func (r *Realm) stepsFrom(class uint32) map[uint32]int {
	away := map[uint32]int{class: 0}
	last := []uint32{class}
	for steps := 1; steps <= contentDepth && len(last) > 0; steps++ {
		var next []uint32
		add := func(name string) {
			cl := r.conn.Class(name)
			if cl == nil {
				return
			}
			if _, ok := away[cl.ID]; !ok {
				away[cl.ID] = steps
				next = append(next, cl.ID)
			}
		}
		for _, id := range last {
			cl := r.conn.ClassByID(id)
			if cl == nil {
				continue
			}
			for i := range cl.Def.Properties {
				switch p := &cl.Def.Properties[i]; p.Type {
				case value.KindLink:
					add(p.LinkTarget)
				case value.KindMixed: // a link to any object that can be linked to
					for _, target := range r.conn.Schema().Classes() {
						if target.Kind != schema.Embedded {
							add(target.Name)
						}
					}
				}
			}
		}
		last = next
	}
	return away
}

// concerns tells whether changes may have changed what a plan finds, or the content of that.
func (r *Realm) concerns(plan *store.Plan, changes *changesSince) bool {
	if !changes.complete || len(r.touched(plan.Class().ID, changes)) > 0 {
		return true
	}
	return slices.ContainsFunc(changes.list, plan.Concerns)
}
