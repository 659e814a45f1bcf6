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

/// The kind of cells that a column must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Numbers.
    Number,
    /// Whole numbers.
    Whole,
    /// True or false.
    Bool,
    /// Text.
    Text,
    /// Cells of several kinds.
    Any,
}

/// A column: its name, what its cells must be, and whether a cell may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSpec {
    /// Name.
    pub name: &'static str,
    /// What its cells must be.
    pub kind: ColumnKind,
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
    /// Whether it takes rows of which every cell is empty: as a gap in what it follows.
    fn takes_gaps(&self) -> bool;
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
    gaps: bool,
}

/// Puts a calculator behind rows of cells.
pub fn table<O: Online + 'static>(calculator: O) -> Box<dyn Table> {
    let inputs = column_specs::<O::In>();
    let outputs = columns_of::<O::Out>();
    let nothing = vec![Cell::Null; inputs.len()];
    let gap = O::In::deserialize(RowDe { columns: &inputs, cells: &nothing, last: &std::cell::Cell::new(None) }).ok();
    let gaps = gap.is_some_and(|gap| calculator.clone().update(&gap).is_ok());
    Box::new(Adapter { calculator, inputs, outputs, gaps })
}

/// A cell as people write it.
fn shown(c: &Cell) -> String {
    match c {
        Cell::Null => String::new(),
        Cell::F64(x) => x.to_string(),
        Cell::I64(x) => x.to_string(),
        Cell::Bool(x) => x.to_string(),
        Cell::Str(s) => s.clone(),
    }
}

/// The error for a row of which serde could not use a cell: the one it met last.
fn unusable(columns: &[ColumnSpec], cells: &[Cell], last: Option<usize>, why: &Error) -> BadInput {
    let Some((column, cell)) = last.and_then(|i| columns.get(i).zip(cells.get(i))) else {
        return BadInput::new("row", format!("{} cells", cells.len()), why.to_string());
    };
    let empty = if column.optional { ", or nothing" } else { "" };
    let expected = match column.kind {
        ColumnKind::Number => format!("a number{empty}"),
        ColumnKind::Whole => format!("a whole number{empty}"),
        ColumnKind::Bool => format!("true or false{empty}"),
        ColumnKind::Text if *cell == Cell::Null => "text".into(),
        // The type knows best what it takes: names, times, signs.
        ColumnKind::Text | ColumnKind::Any => {
            let why = why.to_string();
            why.rsplit_once("expected ").map_or(why.clone(), |(_, expected)| expected.to_owned())
        }
    };
    BadInput::new(column.name, shown(cell), expected)
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
        let last = std::cell::Cell::new(None);
        let input = O::In::deserialize(RowDe { columns: &self.inputs, cells: row, last: &last })
            .map_err(|e| unusable(&self.inputs, row, last.get(), &e))?;
        if let Some(result) = self.calculator.update(&input)? {
            result
                .serialize(RowSer { out })
                .map_err(|e| BadInput::new("output", type_name::<O::Out>(), e.to_string()))?;
        }
        Ok(())
    }
    fn takes_gaps(&self) -> bool {
        self.gaps
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

/// The columns of an input: their kind is what serde asks for, and one is optional when serde accepts an empty cell for it.
fn column_specs<T: DeserializeOwned>() -> Vec<ColumnSpec> {
    let names = columns_of::<T>();
    let one = |i: usize| {
        let asked = Asked::new(ColumnKind::Any);
        // Whether the filled row is accepted does not matter: the field has been asked for by then.
        drop(T::deserialize(Filled { names: &names, at: i, empty: false, asked: &asked }));
        let kind = asked.get();
        let optional = T::deserialize(Filled { names: &names, at: i, empty: true, asked: &asked }).is_ok();
        ColumnSpec { name: names[i], kind, optional }
    };
    (0..names.len()).map(one).collect()
}

/// What a field was found to ask for.
type Asked = std::cell::Cell<ColumnKind>;

/// A row in which every cell is whatever its field asks for; one is watched, and may be empty.
struct Filled<'a> {
    names: &'a [&'static str],
    at: usize,
    empty: bool,
    asked: &'a Asked,
}

impl<'de> Deserializer<'de> for Filled<'_> {
    type Error = Error;
    fn deserialize_any<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Error> {
        let Self { names, at, empty, asked } = self;
        let filler = |i: usize| Filler { empty: empty && i == at, asked: (i == at).then_some(asked) };
        v.visit_map(MapDeserializer::new(names.iter().enumerate().map(|(i, name)| (*name, filler(i)))))
    }
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// One cell of [`Filled`].
#[derive(Clone, Copy)]
struct Filler<'a> {
    empty: bool,
    asked: Option<&'a Asked>,
}

impl Filler<'_> {
    fn note(&self, kind: ColumnKind) {
        if let Some(asked) = self.asked {
            asked.set(kind);
        }
    }
}

impl<'de> IntoDeserializer<'de, Error> for Filler<'_> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! integers {
    ($($name:ident)*) => {
        $(fn $name<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Error> {
            self.note(ColumnKind::Whole);
            if self.empty { v.visit_unit() } else { v.visit_i64(1) }
        })*
    };
}

impl<'de> Deserializer<'de> for Filler<'_> {
    type Error = Error;
    fn deserialize_any<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Error> {
        if self.empty { v.visit_unit() } else { v.visit_f64(1.0) }
    }
    fn deserialize_f64<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Error> {
        self.note(ColumnKind::Number);
        self.deserialize_any(v)
    }
    fn deserialize_f32<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Error> {
        self.deserialize_f64(v)
    }
    fn deserialize_option<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Error> {
        if self.empty { v.visit_none() } else { v.visit_some(self) }
    }
    fn deserialize_bool<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Error> {
        self.note(ColumnKind::Bool);
        if self.empty { v.visit_unit() } else { v.visit_bool(true) }
    }
    integers!(deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64);
    fn deserialize_str<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Error> {
        self.note(ColumnKind::Text);
        // Text that is also a time.
        if self.empty { v.visit_unit() } else { v.visit_str("2000-01-01") }
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
        self.note(ColumnKind::Text);
        match variants.first() {
            Some(first) if !self.empty => v.visit_enum(IntoDeserializer::<Error>::into_deserializer(*first)),
            _ => v.visit_unit(),
        }
    }
    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct newtype_struct seq tuple tuple_struct map struct identifier
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
        use ColumnKind::{Number, Text, Whole};
        assert_eq!(specs.iter().map(|c| c.kind).collect::<Vec<_>>(), [Text, Text, Number, Whole, Text, Text]);
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
        assert_eq!(e.to_string(), "close is \"x\": expected a number");
        let e = t.update(&[Cell::F64(1.0), Cell::Bool(true)], &mut out).unwrap_err();
        assert_eq!(e.to_string(), "volume is \"true\": expected a number, or nothing");
        assert!(!t.takes_gaps());
        assert!(t.update(&[Cell::F64(f64::NAN), Cell::Null], &mut out).is_err());
        t.update(&[Cell::I64(7), Cell::F64(2.5)], &mut out).unwrap();
        assert_eq!(out, [Cell::F64(11.0), Cell::I64(2), Cell::Str("high".into()), Cell::F64(2.5)]);
    }
}
