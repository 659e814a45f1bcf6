//! A struct as a row of cells, for serde.

use serde::ser::{self, Impossible, SerializeStruct};
use serde::{Serialize, Serializer};

use super::{Cell, Error};

/// Writes the fields of a flat struct as cells.
pub(super) struct RowSer<'a> {
    pub(super) out: &'a mut Vec<Cell>,
}

struct CellSer;

fn not_flat<T>() -> Result<T, Error> {
    Err(ser::Error::custom("only numbers, booleans, text, unit enums and options of these fit into a cell"))
}

macro_rules! cells {
    ($($method:ident($t:ty) => |$v:ident| $cell:expr;)*) => {
        $(fn $method(self, $v: $t) -> Result<Cell, Error> { Ok($cell) })*
    };
}

impl Serializer for CellSer {
    type Ok = Cell;
    type Error = Error;
    type SerializeSeq = Impossible<Cell, Error>;
    type SerializeTuple = Impossible<Cell, Error>;
    type SerializeTupleStruct = Impossible<Cell, Error>;
    type SerializeTupleVariant = Impossible<Cell, Error>;
    type SerializeMap = Impossible<Cell, Error>;
    type SerializeStruct = Impossible<Cell, Error>;
    type SerializeStructVariant = Impossible<Cell, Error>;

    cells! {
        serialize_bool(bool) => |v| Cell::Bool(v);
        serialize_i8(i8) => |v| Cell::I64(v.into());
        serialize_i16(i16) => |v| Cell::I64(v.into());
        serialize_i32(i32) => |v| Cell::I64(v.into());
        serialize_i64(i64) => |v| Cell::I64(v);
        serialize_u8(u8) => |v| Cell::I64(v.into());
        serialize_u16(u16) => |v| Cell::I64(v.into());
        serialize_u32(u32) => |v| Cell::I64(v.into());
        serialize_u64(u64) => |v| i64::try_from(v).map_or(Cell::F64(v as f64), Cell::I64);
        serialize_f32(f32) => |v| Cell::F64(v.into());
        serialize_f64(f64) => |v| Cell::F64(v);
        serialize_char(char) => |v| Cell::Str(v.into());
        serialize_str(&str) => |v| Cell::Str(v.into());
    }
    fn serialize_bytes(self, _: &[u8]) -> Result<Cell, Error> {
        not_flat()
    }
    fn serialize_none(self) -> Result<Cell, Error> {
        Ok(Cell::Null)
    }
    fn serialize_some<T: ?Sized + Serialize>(self, v: &T) -> Result<Cell, Error> {
        v.serialize(self)
    }
    fn serialize_unit(self) -> Result<Cell, Error> {
        Ok(Cell::Null)
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<Cell, Error> {
        Ok(Cell::Null)
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Cell, Error> {
        Ok(Cell::Str(variant.into()))
    }
    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, v: &T) -> Result<Cell, Error> {
        v.serialize(self)
    }
    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Cell, Error> {
        not_flat()
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Error> {
        not_flat()
    }
    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Error> {
        not_flat()
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Error> {
        not_flat()
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        not_flat()
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Error> {
        not_flat()
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Error> {
        not_flat()
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        not_flat()
    }
}

/// The top of an output: only a struct is accepted; anything else is refused by delegation to a cell.
impl<'a> Serializer for RowSer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Impossible<(), Error>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStruct = RowSer<'a>;
    type SerializeStructVariant = Impossible<(), Error>;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<RowSer<'a>, Error> {
        Ok(self)
    }
    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, v: &T) -> Result<(), Error> {
        v.serialize(self)
    }
    fn serialize_bool(self, _: bool) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_i8(self, _: i8) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_i16(self, _: i16) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_i32(self, _: i32) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_i64(self, _: i64) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_u8(self, _: u8) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_u16(self, _: u16) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_u32(self, _: u32) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_u64(self, _: u64) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_f32(self, _: f32) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_f64(self, _: f64) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_char(self, _: char) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_str(self, _: &str) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_bytes(self, _: &[u8]) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_none(self) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_some<T: ?Sized + Serialize>(self, _: &T) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_unit(self) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Error> {
        not_flat()
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Error> {
        not_flat()
    }
    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Error> {
        not_flat()
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Error> {
        not_flat()
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        not_flat()
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Error> {
        not_flat()
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        not_flat()
    }
}

impl SerializeStruct for RowSer<'_> {
    type Ok = ();
    type Error = Error;
    fn serialize_field<T: ?Sized + Serialize>(&mut self, _: &'static str, value: &T) -> Result<(), Error> {
        self.out.push(value.serialize(CellSer)?);
        Ok(())
    }
    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}
