//! A row of cells as a struct, for serde.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};

use super::{Cell, ColumnSpec, Error};

pub(super) struct RowDe<'a> {
    pub(super) columns: &'a [ColumnSpec],
    pub(super) cells: &'a [Cell],
    /// Where the cell that was given last is noted.
    pub(super) last: &'a std::cell::Cell<Option<usize>>,
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
        let cell = &self.row.cells[self.at];
        self.row.last.set(Some(self.at));
        self.at += 1;
        seed.deserialize(CellDe(cell))
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
            _ => Err(de::Error::custom("invalid type, expected a name")),
        }
    }
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
