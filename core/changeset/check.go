package changeset

import (
	"realmsync/core/schema"
	"realmsync/core/value"
)

// encodable returns nil if the instruction has a form on the wire that Decode reads back. Instructions that were decoded,
// and what merging makes of them, always have.
func (in *Instruction) encodable() *BadChangesetError {
	switch {
	case in.Op > SetErase:
		return in.bad(ReasonOpcode, "this is not an instruction")
	case len(in.Table) > MaxClassName:
		return in.bad(ReasonClassName, "the class name is longer than 57 bytes")
	case len(in.Field) > MaxString:
		return in.bad(ReasonTooLong, "the property name is too long")
	}
	switch in.Op {
	case AddTable:
		return in.encodableTable()
	case AddColumn:
		return in.encodableColumn()
	case EraseTable, EraseColumn:
		return nil
	case CreateObject, EraseObject:
		return in.encodableKey(in.Key)
	}
	if err := in.encodableKey(in.Key); err != nil {
		return err
	}
	for i := range in.Path {
		if len(in.Path[i].Key) > MaxString {
			return in.bad(ReasonTooLong, "a key of the path is longer than 16777199 bytes")
		}
	}
	switch in.Op {
	case ArrayInsert, ArrayMove, ArrayErase:
		if !in.IsArrayUpdate() {
			return in.bad(ReasonNoIndex, "the path doesn't end in a list position")
		}
	case Clear:
		if in.Collection > schema.Set {
			return in.bad(ReasonCollection, "unknown collection type")
		}
	}
	return in.encodableValue()
}

func (in *Instruction) encodableTable() *BadChangesetError {
	f := in.Schema
	switch {
	case f == nil || f.TableKind > schema.Asymmetric:
		return in.bad(ReasonTableKind, "unknown table kind")
	case f.TableKind == schema.Embedded:
		return nil
	case !isPrimaryKeyType(f.KeyType):
		return in.bad(ReasonPrimaryKeyType, "a class can't have a primary key of type "+f.KeyType.String())
	case len(f.KeyField) > MaxString:
		return in.bad(ReasonTooLong, "the name of the primary key is too long")
	}
	return nil
}

func (in *Instruction) encodableColumn() *BadChangesetError {
	f := in.Schema
	switch {
	case f == nil || !f.Type.IsValue():
		return in.bad(ReasonColumnType, "a property can't have such a type")
	case in.Collection > schema.Set:
		return in.bad(ReasonCollection, "unknown collection type")
	case in.Collection == schema.Dictionary && f.KeyType != value.KindString:
		return in.bad(ReasonDictionaryKeyType, "the keys of a dictionary are strings")
	case len(f.LinkTarget) > MaxClassName:
		return in.bad(ReasonClassName, "the name of the link's target is longer than 57 bytes")
	}
	return nil
}

func (in *Instruction) encodableKey(k value.Key) *BadChangesetError {
	if len(k.Str()) > MaxString {
		return in.bad(ReasonTooLong, "a primary key is longer than 16777199 bytes")
	}
	return nil
}

func (in *Instruction) encodableValue() *BadChangesetError {
	switch v := in.Value; v.Kind() {
	case value.KindString:
		if len(v.Str()) > MaxString {
			return in.bad(ReasonTooLong, "a string is longer than 16777199 bytes")
		}
	case value.KindBinary:
		if len(v.Str()) > MaxBinary {
			return in.bad(ReasonTooLong, "a binary value is longer than 16777200 bytes")
		}
	case value.KindTimestamp:
		if !v.Timestamp().Valid() {
			return in.bad(ReasonTimestamp, "seconds and nanoseconds differ in sign, or it is a second or more of nanoseconds")
		}
	case value.KindLink:
		l := v.Link()
		if len(l.Class) > MaxClassName {
			return in.bad(ReasonClassName, "the name of the link's target is longer than 57 bytes")
		}
		return in.encodableKey(l.Key)
	default:
		if !v.Kind().IsValue() && !v.Kind().IsMarker() {
			return in.bad(ReasonPayload, "a value can't be of type "+v.Kind().String())
		}
	}
	return nil
}

func (in *Instruction) bad(reason Reason, text string) *BadChangesetError {
	return &BadChangesetError{Reason: reason, Offset: -1, Index: -1, Address: in.Address(), Text: text}
}
