//! Any calculator as a table function: rows of cells in, rows of cells out.

use std::any::type_name;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::ser::{self, Impossible, SerializeStruct};
use serde::{Deserialize, Deserializer, Serialize, Serializer, forward_to_deserialize_any};
use serde_json::Value;

use crate::error::BadInput;
use crate::online::Online;
use crate::role::{Snapshot, StateError};

/// One cell of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A number.
    F64(f64),
    /// A whole number.
    I64(i64),
    /// True or false.
    Bool(bool),
    /// Text.
    Str(String),
}

/// Name of a column and whether a cell may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSpec {
    /// Name.
    pub name: &'static str,
    /// Whether its cells may be empty.
    pub optional: bool,
}

/// A calculator behind rows of cells.
pub trait Table: Send {
    /// The columns it reads, in the order of the cells.
    fn inputs(&self) -> &[ColumnSpec];
    /// The columns it gives.
    fn outputs(&self) -> &[&'static str];
    /// Takes a row; `out` is replaced by the output row, or emptied while warming up.
    ///
    /// # Errors
    /// When a cell cannot be used; the state is then as before.
    fn update(&mut self, row: &[Cell], out: &mut Vec<Cell>) -> Result<(), BadInput>;
    /// How many rows give nothing before the first output.
    fn warmup(&self) -> usize;
    /// What was fitted or counted so far.
    fn summary(&self) -> Value;
    /// Saves the state.
    ///
    /// # Errors
    /// When the state cannot be written.
    fn save(&self) -> Result<Vec<u8>, StateError>;
    /// Takes on a saved state.
    ///
    /// # Errors
    /// When the bytes are not such a state.
    fn load(&mut self, bytes: &[u8]) -> Result<(), StateError>;
}

struct Adapter<O> {
    calculator: O,
    inputs: Vec<ColumnSpec>,
    outputs: Vec<&'static str>,
}

/// Puts a calculator behind rows of cells.
pub fn table<O: Online + 'static>(calculator: O) -> Box<dyn Table> {
    let inputs = column_specs::<O::In>();
    let outputs = columns_of::<O::Out>();
    Box::new(Adapter { calculator, inputs, outputs })
}

impl<O: Online> Table for Adapter<O> {
    fn inputs(&self) -> &[ColumnSpec] {
        &self.inputs
    }
    fn outputs(&self) -> &[&'static str] {
        &self.outputs
    }
    fn update(&mut self, row: &[Cell], out: &mut Vec<Cell>) -> Result<(), BadInput> {
        out.clear();
        let input = O::In::deserialize(RowDe { columns: &self.inputs, cells: row })
            .map_err(|e| BadInput::new("row", format!("{row:?}"), e.to_string()))?;
        if let Some(result) = self.calculator.update(&input)? {
            result
                .serialize(RowSer { out })
                .map_err(|e| BadInput::new("output", type_name::<O::Out>(), e.to_string()))?;
        }
        Ok(())
    }
    fn warmup(&self) -> usize {
        self.calculator.warmup()
    }
    fn summary(&self) -> Value {
        self.calculator.summary()
    }
    fn save(&self) -> Result<Vec<u8>, StateError> {
        self.calculator.save()
    }
    fn load(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        self.calculator.load(bytes)
    }
}

type Error = de::value::Error;

/// The field names of a struct, as serde knows them.
pub fn columns_of<T: DeserializeOwned>() -> Vec<&'static str> {
    struct Names<'a>(&'a mut Vec<&'static str>);
    impl<'de> Deserializer<'de> for Names<'_> {
        type Error = Error;
        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(de::Error::custom("not a struct"))
        }
        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Error> {
            self.0.extend_from_slice(fields);
            Err(de::Error::custom("only the names were asked for"))
        }
        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }
    let mut names = Vec::new();
    // The error is expected: the walk ends as soon as the names are known.
    drop(T::deserialize(Names(&mut names)));
    names
}

/// The columns of an input: a column is optional when serde accepts an empty cell for it.
fn column_specs<T: DeserializeOwned>() -> Vec<ColumnSpec> {
    let required: Vec<ColumnSpec> =
        columns_of::<T>().into_iter().map(|name| ColumnSpec { name, optional: false }).collect();
    required
        .iter()
        .enumerate()
        .map(|(i, c)| {
            // Try kinds of cell until the other columns are accepted; with this one empty.
            let optional = [Cell::F64(1.0), Cell::Str("x".into()), Cell::Bool(true)].iter().any(|filler| {
                let cells: Vec<Cell> =
                    (0..required.len()).map(|j| if i == j { Cell::Null } else { filler.clone() }).collect();
                T::deserialize(RowDe { columns: &required, cells: &cells }).is_ok()
            });
            ColumnSpec { name: c.name, optional }
        })
        .collect()
}

struct RowDe<'a> {
    columns: &'a [ColumnSpec],
    cells: &'a [Cell],
}

impl<'de> Deserializer<'de> for RowDe<'_> {
    type Error = Error;
    fn deserialize_any<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Error> {
        v.visit_map(RowMap { row: self, at: 0 })
    }
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct RowMap<'a> {
    row: RowDe<'a>,
    at: usize,
}

impl<'de> MapAccess<'de> for RowMap<'_> {
    type Error = Error;
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        match self.row.columns.get(self.at) {
            Some(c) if self.at < self.row.cells.len() => {
                let key: StrDeserializer<'_, Error> = c.name.into_deserializer();
                seed.deserialize(key).map(Some)
            }
            _ => Ok(None),
        }
    }
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (name, cell) = (self.row.columns[self.at].name, &self.row.cells[self.at]);
        self.at += 1;
        seed.deserialize(CellDe(cell)).map_err(|e| de::Error::custom(format!("column {name}: {e}")))
    }
}

struct CellDe<'a>(&'a Cell);

impl<'de> Deserializer<'de> for CellDe<'_> {
    type Error = Error;
    fn deserialize_any<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Error> {
        match self.0 {
            Cell::Null => v.visit_unit(),
            Cell::F64(x) => v.visit_f64(*x),
            Cell::I64(x) => v.visit_i64(*x),
            Cell::Bool(x) => v.visit_bool(*x),
            Cell::Str(s) => v.visit_str(s),
        }
    }
    fn deserialize_option<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Error> {
        if *self.0 == Cell::Null { v.visit_none() } else { v.visit_some(self) }
    }
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        v: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Cell::Str(s) => v.visit_enum(IntoDeserializer::<Error>::into_deserializer(s.as_str())),
            other => Err(de::Error::custom(format!("{other:?} is not a name"))),
        }
    }
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// Writes the fields of a flat struct as cells.
struct RowSer<'a> {
    out: &'a mut Vec<Cell>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Serialize, Deserialize)]
    struct In {
        close: f64,
        volume: Option<f64>,
    }
    #[derive(Clone, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Regime {
        Low,
        High,
    }
    #[derive(Clone, Serialize, Deserialize)]
    struct Out {
        sum: f64,
        n: u64,
        regime: Regime,
        volume: Option<f64>,
    }
    #[derive(Clone, Default, Serialize, Deserialize)]
    struct Sum {
        sum: f64,
        n: u64,
    }
    impl Online for Sum {
        type In = In;
        type Out = Out;
        fn update(&mut self, x: &In) -> Result<Option<Out>, BadInput> {
            let close = BadInput::finite("close", x.close)?;
            self.sum += close;
            self.n += 1;
            let regime = if self.sum > 10.0 { Regime::High } else { Regime::Low };
            Ok((self.n > 1).then_some(Out { sum: self.sum, n: self.n, regime, volume: x.volume }))
        }
        fn warmup(&self) -> usize {
            1
        }
    }

    #[test]
    fn rows_go_in_and_come_out() {
        let mut t = table(Sum::default());
        let names: Vec<_> = t.inputs().iter().map(|c| (c.name, c.optional)).collect();
        assert_eq!(names, [("close", false), ("volume", true)]);
        assert_eq!(t.outputs(), ["sum", "n", "regime", "volume"]);
        let mut out = vec![Cell::Null];
        t.update(&[Cell::F64(4.0), Cell::Null], &mut out).unwrap();
        assert!(out.is_empty());
        let e = t.update(&[Cell::Str("x".into()), Cell::Null], &mut out).unwrap_err();
        assert!(e.to_string().contains("column close"), "{e}");
        assert!(t.update(&[Cell::F64(f64::NAN), Cell::Null], &mut out).is_err());
        t.update(&[Cell::I64(7), Cell::F64(2.5)], &mut out).unwrap();
        assert_eq!(out, [Cell::F64(11.0), Cell::I64(2), Cell::Str("high".into()), Cell::F64(2.5)]);
    }
}
