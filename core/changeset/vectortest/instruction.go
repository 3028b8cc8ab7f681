package vectortest

import (
	"encoding/json"
	"fmt"
	"strconv"

	"realmsync/core/changeset"
	"realmsync/core/schema"
	"realmsync/core/value"
)

var (
	ops         = map[string]changeset.Op{}
	classKinds  = map[string]schema.ClassKind{"top-level": schema.TopLevel, "embedded": schema.Embedded, "asymmetric": schema.Asymmetric}
	collections = map[string]schema.Collection{"Single": schema.Single, "List": schema.List, "Dictionary": schema.Dictionary, "Set": schema.Set}
	types       = map[string]value.Kind{"Mixed": value.KindMixed, "Null": value.KindNull, "Int": value.KindInt, "Bool": value.KindBool, "String": value.KindString,
		"Binary": value.KindBinary, "Timestamp": value.KindTimestamp, "Float": value.KindFloat, "Double": value.KindDouble, "Decimal": value.KindDecimal,
		"Link": value.KindLink, "ObjectId": value.KindObjectID, "UUID": value.KindUUID, "GlobalKey": value.KindGlobalKey, "ObjectValue": value.KindObject}
	typeNames = map[value.Kind]string{}
)

func init() {
	for op := changeset.AddTable; op <= changeset.SetErase; op++ {
		ops[op.String()] = op
	}
	for name, kind := range types {
		typeNames[kind] = name
	}
	typeNames[value.KindMixed] = "Mixed"
}

// instructionForm is every form of an instruction.
type instructionForm struct {
	Op, Kind, Type, Collection  string
	Table, Field, Object, Value json.RawMessage
	PKField                     json.RawMessage `json:"pk_field"`
	PKType                      string          `json:"pk_type"`
	PKNullable                  bool            `json:"pk_nullable"`
	Nullable                    bool
	LinkTarget                  json.RawMessage `json:"link_target"`
	KeyType                     string          `json:"key_type"`
	Path                        []json.RawMessage
	PriorSize                   uint32 `json:"prior_size"`
	IsDefault                   bool   `json:"is_default"`
	Add                         string
	Dest                        uint32 `json:"ndx_2"`
}

// ParseInstructions reads a list of instructions; an empty one is nil.
func ParseInstructions(raw []byte) ([]changeset.Instruction, error) {
	var forms []json.RawMessage
	if err := json.Unmarshal(raw, &forms); err != nil {
		return nil, err
	}
	var out []changeset.Instruction
	for _, form := range forms {
		in, err := ParseInstruction(form)
		if err != nil {
			return nil, err
		}
		out = append(out, in)
	}
	return out, nil
}

// ParseInstruction reads an instruction.
func ParseInstruction(raw []byte) (in changeset.Instruction, err error) {
	var f instructionForm
	if err := json.Unmarshal(raw, &f); err != nil {
		return in, fmt.Errorf("vectortest: instruction %s: %w", raw, err)
	}
	if err := f.parse(&in); err != nil {
		return in, fmt.Errorf("vectortest: instruction %s: %w", raw, err)
	}
	return in, nil
}

func (f *instructionForm) parse(in *changeset.Instruction) (err error) {
	var known bool
	if in.Op, known = ops[f.Op]; !known {
		return fmt.Errorf("unknown op")
	}
	if in.Table, err = ParseName(f.Table); err != nil {
		return err
	}
	if f.Field != nil {
		if in.Field, err = ParseName(f.Field); err != nil {
			return err
		}
	}
	if f.Object != nil {
		if in.Key, err = ParseKey(f.Object); err != nil {
			return err
		}
	}
	if f.Collection != "" {
		if in.Collection, known = collections[f.Collection]; !known {
			return fmt.Errorf("unknown collection type")
		}
	}
	switch in.Op {
	case changeset.AddTable, changeset.AddColumn:
		in.Schema, err = f.schema(in.Op)
		return err
	}
	for _, element := range f.Path {
		var step changeset.Step
		if pos, err := strconv.ParseUint(string(element), 10, 32); err == nil {
			step.Pos, step.IsPos = uint32(pos), true
		} else if step.Key, err = ParseName(element); err != nil {
			return err
		}
		in.Path = append(in.Path, step)
	}
	if f.Value != nil {
		if in.Value, err = ParseValue(f.Value); err != nil {
			return err
		}
	}
	if f.Add != "" {
		if in.Add, err = strconv.ParseInt(f.Add, 10, 64); err != nil {
			return err
		}
	}
	in.PriorSize, in.Default, in.Dest = f.PriorSize, f.IsDefault, f.Dest
	return nil
}

func (f *instructionForm) schema(op changeset.Op) (*changeset.SchemaFields, error) {
	out := &changeset.SchemaFields{}
	var err error
	kindOf := func(name string) value.Kind {
		kind, known := types[name]
		if !known && err == nil {
			err = fmt.Errorf("unknown type %q", name)
		}
		return kind
	}
	if op == changeset.AddTable {
		var known bool
		if out.TableKind, known = classKinds[f.Kind]; !known {
			return nil, fmt.Errorf("unknown table kind")
		}
		if out.TableKind != schema.Embedded {
			out.KeyType, out.KeyNull = kindOf(f.PKType), f.PKNullable
			if err == nil {
				out.KeyField, err = ParseName(f.PKField)
			}
		}
		return out, err
	}
	out.Type, out.Nullable = kindOf(f.Type), f.Nullable
	if f.LinkTarget != nil && err == nil {
		out.LinkTarget, err = ParseName(f.LinkTarget)
	}
	if f.KeyType != "" {
		out.KeyType = kindOf(f.KeyType)
	}
	return out, err
}
