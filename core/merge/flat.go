package merge

import "realmsync/core/changeset"

// ops is the number of instruction types.
const ops = changeset.SetErase + 1

// rule transforms two live instructions with each other. l is the one with the higher code; of equal codes l is local.
type rule func(m *merger, l, r *node) error

// none is the rule of the pairs that never have to do with each other.
func none(*merger, *node, *node) error { return nil }

// flat has the rules of section 6: flat[l][r] for l >= r. Pairs that are not listed have no rule and fail.
var flat = [ops][ops]rule{
	changeset.AddTable:     {addTableAddTable},
	changeset.EraseTable:   {eraseTableAddTable, eraseTableEraseTable},
	changeset.CreateObject: {none, none, none},
	changeset.EraseObject:  {none, none, eraseObjectCreateObject, eraseObjectEraseObject},
	changeset.Update:       {none, none, none, none, updateUpdate},
	changeset.AddInteger:   {none, none, none, none, addIntegerUpdate, none},
	changeset.AddColumn:    {none, addColumnEraseTable, none, none, none, none, addColumnAddColumn},
	changeset.EraseColumn:  {none, none, none, none, eraseColumnUpdate, none, eraseColumnAddColumn, eraseColumnEraseColumn},
	changeset.ArrayInsert:  {none, none, none, none, insertUpdate, none, none, none, insertInsert},
	changeset.ArrayMove:    {none, none, none, none, moveUpdate, none, none, none, moveInsert, moveMove},
	changeset.ArrayErase:   {none, none, none, none, eraseUpdate, none, none, none, eraseInsert, eraseMove, eraseErase},
	changeset.Clear:        {none, none, none, none, clearUpdate, clearAddInteger, none, none, none, none, none, clearClear},
	changeset.SetInsert:    {none, none, none, none, none, none, none, none, none, none, none, setClear, setSet},
	changeset.SetErase:     {none, none, none, none, none, none, none, none, none, none, none, setClear, setSet, setSet},
}
