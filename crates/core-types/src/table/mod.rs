//! Any calculator as a table function: rows of cells in, rows of cells out.

mod de_row;
mod ser_row;

use std::any::type_name;

use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer, Serialize, forward_to_deserialize_any};
use serde_json::Value;

use self::de_row::RowDe;
use self::ser_row::RowSer;

use crate::error::BadInput;
use crate::online::Online;
use crate::plugin::{Snapshot, StateError};

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
    let names = columns_of::<T>();
    let optional = |empty: usize| T::deserialize(Filled { names: &names, empty }).is_ok();
    (0..names.len()).map(|i| ColumnSpec { name: names[i], optional: optional(i) }).collect()
}

/// A row in which every cell is whatever its field asks for, but for one that is empty.
struct Filled<'a> {
    names: &'a [&'static str],
    empty: usize,
}

impl<'de> Deserializer<'de> for Filled<'_> {
    type Error = Error;
    fn deserialize_any<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Error> {
        let Self { names, empty } = self;
        v.visit_map(MapDeserializer::new(names.iter().enumerate().map(|(i, name)| (*name, Filler(i == empty)))))
    }
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// One cell of [`Filled`]; whether it is empty.
#[derive(Clone, Copy)]
struct Filler(bool);

impl<'de> IntoDeserializer<'de, Error> for Filler {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! integers {
    ($($name:ident)*) => {
        $(fn $name<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Error> {
            if self.0 { v.visit_unit() } else { v.visit_i64(1) }
        })*
    };
}

impl<'de> Deserializer<'de> for Filler {
    type Error = Error;
    fn deserialize_any<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Error> {
        if self.0 { v.visit_unit() } else { v.visit_f64(1.0) }
    }
    fn deserialize_option<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Error> {
        if self.0 { v.visit_none() } else { v.visit_some(self) }
    }
    fn deserialize_bool<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Error> {
        if self.0 { v.visit_unit() } else { v.visit_bool(true) }
    }
    integers!(deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64);
    fn deserialize_str<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Error> {
        // Text that is also a time.
        if self.0 { v.visit_unit() } else { v.visit_str("2000-01-01") }
    }
    fn deserialize_string<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Error> {
        self.deserialize_str(v)
    }
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        v: V,
    ) -> Result<V::Value, Error> {
        match variants.first() {
            Some(first) if !self.0 => v.visit_enum(IntoDeserializer::<Error>::into_deserializer(*first)),
            _ => v.visit_unit(),
        }
    }
    forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct seq tuple tuple_struct map struct identifier
        ignored_any
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
    fn columns_of_mixed_types_may_be_empty_one_by_one() {
        #[derive(Deserialize)]
        struct Mixed {
            #[expect(dead_code)]
            time: crate::Time,
            #[expect(dead_code)]
            firm: String,
            #[expect(dead_code)]
            target: Option<f64>,
            #[expect(dead_code)]
            count: u32,
            #[expect(dead_code)]
            regime: Option<Regime>,
            #[expect(dead_code)]
            note: Option<String>,
        }
        let specs = column_specs::<Mixed>();
        let empty: Vec<_> = specs.iter().filter(|c| c.optional).map(|c| c.name).collect();
        assert_eq!(empty, ["target", "regime", "note"]);
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
