package merge

import (
	"testing"

	"github.com/stretchr/testify/require"

	"realmsync/core/changeset"
	"realmsync/core/changeset/memstate"
	"realmsync/core/changeset/statetest"
)

// What users are promised (spec/sync-semantics.md section 11, conformance item 66): each row of the table, in every order of arrival, by both
// sets of rules. a and b are concurrent, want is what makes the result of what was there.
func TestPromises(t *testing.T) {
	for _, c := range []struct{ row, base, a, b, want string }{
		{"delete and update", "U i=1", "@1/2: RM", "@2/3: U i=5", "RM"},
		{"delete and update inside", "U d.a=List", "@1/2: RM", "@2/3: INS d.a[0]=1 n0", "RM"},
		{"delete and create again", "U i=1", "@1/2: RM", "@2/3: NEW; U i=5", "RM"},
		{"delete and delete", "U i=1", "@1/2: RM", "@2/3: RM", "RM"},
		{"create and create", "", "@1/2: NEW #7; U #7 i=1; U #7 m=1", "@2/3: NEW #7; U #7 i=2", "NEW #7; U #7 i=2; U #7 m=1"},
		{"update and update", "", "@1/2: U i=1", "@2/3: U i=2", "U i=2"},
		{"update and update, equal times", "", "@2/2: U i=1", "@2/3: U i=2", "U i=2"},
		{"default and update", "", "@2/2: NEW #7; U #7 i=1 dflt", "@1/3: NEW #7; U #7 i=2", "NEW #7; U #7 i=2"},
		{"update of a container and inside of it", "U m=List", "@1/2: U m=3", "@2/3: INS m[0]=1 n0", "U m=3"},
		{"update of an embedded object and inside of it", "U e=Obj", "@1/2: U e=null", "@2/3: U e.x=1", "U e=null"},
		{"mixed set to a list and changed inside", "U m=List", "@1/2: U m=List", "@2/3: INS m[0]=1 n0", "U m=List; INS m[0]=1 n0"},
		{"create and create embedded", "", "@1/2: U e=Obj; U e.x=1", "@2/3: U e=Obj; INS e.l[0]=2 n0", "U e=Obj; U e.x=1; INS e.l[0]=2 n0"},
		{"create embedded and set to null", "", "@2/2: U e=Obj; U e.x=1", "@1/3: U e=null", ""},
		{"increment and later set", "U i=1", "@1/2: ADD i+10", "@2/3: U i=5", "U i=5"},
		{"increment and earlier set", "U i=1", "@2/2: ADD i+10", "@1/3: U i=5", "U i=15"},
		{"increment and increment", "U i=1", "@1/2: ADD i+10", "@2/3: ADD i+100", "U i=111"},
		{"increment and default", "", "@1/2: NEW #7; U #7 i=5 dflt; ADD #7 i+10", "@2/3: NEW #7; U #7 i=5 dflt; ADD #7 i+100", "NEW #7; U #7 i=115"},
		{"insert and insert", "INS l[0]=1 n0", "@1/2: INS l[0]=7 n1", "@2/3: INS l[0]=8 n1", "INS l[0]=7 n0; INS l[1]=8 n1; INS l[2]=1 n2"},
		{"erase and erase", "INS l[0]=1 n0; INS l[1]=2 n1", "@1/2: DEL l[0] n2", "@2/3: DEL l[0] n2", "INS l[0]=2 n0"},
		{"erase and update", "INS l[0]=1 n0; INS l[1]=2 n1", "@1/2: DEL l[0] n2", "@2/3: U l[0]=9 n2", "INS l[0]=2 n0"},
		{"move and move", "INS l[0]=1 n0; INS l[1]=2 n1; INS l[2]=3 n2", "@1/2: MOV l[0]→1 n3", "@2/3: MOV l[0]→2 n3", "INS l[0]=2 n0; INS l[1]=3 n1; INS l[2]=1 n2"},
		{"move and later insert", "INS l[0]=1 n0; INS l[1]=2 n1", "@1/2: MOV l[0]→1 n2", "@2/3: INS l[2]=3 n2", "INS l[0]=2 n0; INS l[1]=3 n1; INS l[2]=1 n2"},
		{"move and earlier insert", "INS l[0]=1 n0; INS l[1]=2 n1", "@2/2: MOV l[0]→1 n2", "@1/3: INS l[2]=3 n2", "INS l[0]=2 n0; INS l[1]=1 n1; INS l[2]=3 n2"},
		{"clear of a list and inside of it", "INS l[0]=1 n0", "@1/2: CLR l:L", "@2/3: INS l[1]=2 n1", ""},
		{"clear of a set and inside of it", "S+ 1", "@1/2: CLR s:S", "@2/3: S+ 2", ""},
		{"clear of a dictionary and inside of it", "U d.a=1", "@1/2: CLR d:D", "@2/3: U d.b=2", ""},
		{"clear and clear", "INS l[0]=1 n0", "@1/2: CLR l:L", "@2/3: CLR l:L; INS l[0]=5 n0", "INS l[0]=5 n0"},
		{"insert into a set and later erase", "", "@1/2: S+ 7", "@2/3: S+ 7; S- 7", ""},
		{"erase from a set and later insert", "S+ 7", "@1/2: S- 7", "@2/3: S- 7; S+ 7", "S+ 7"},
		{"same key of a dictionary", "", "@1/2: U d.a=1", "@2/3: U d.a=2", "U d.a=2"},
		{"removal of a key, later", "U d.a=1", "@1/2: U d.a=2", "@2/3: U d.a=Erased", ""},
		{"removal of a key, earlier", "U d.a=1", "@1/2: U d.a=Erased", "@2/3: U d.a=2", "U d.a=2"},
		{"keys of a dictionary", "", "@1/2: U d.a=1", "@2/3: U d.b=2", "U d.a=1; U d.b=2"},
		{"strings", "", `@1/2: U m="one"`, `@2/3: U m="two"`, `U m="two"`},
		{"the same class and property", "", "@1/2: +N(_id:int); +N.z:int", "@2/3: +N(_id:int); +N.z:int", "+N(_id:int); +N.z:int"},
	} {
		t.Run(c.row, func(t *testing.T) {
			made := func(texts ...string) *memstate.State {
				s := statetest.World()
				for _, text := range texts {
					require.NoError(t, s.Apply(&changeset.Changeset{Instructions: instructions(t, text)}), text)
				}
				return s
			}
			want := []string{c.want}
			if c.want == "RM" {
				want = []string{c.base, "RM"}
			}
			for _, rules := range []Rules{Compatible, Strict} {
				for _, swapped := range []bool{false, true} {
					a, b := side(t, c.a), side(t, c.b)
					if swapped {
						a, b = b, a
					}
					states, err := both(t, rules, made(c.base), a, b)
					require.NoError(t, err)
					for _, s := range states {
						requireSameState(t, string(made(want...).JSON()), s, "")
					}
				}
			}
		})
	}
	for _, rules := range []Rules{Compatible, Strict} {
		_, err := both(t, rules, statetest.World(), side(t, "@1/2: +T.z:int"), side(t, "@2/3: +T.z:string"))
		require.ErrorIs(t, err, ErrTransform, "the same property of two types")
	}
}
