//! The shape of a CSV text before polars reads it: header, number of rows, and every structural fault with its line.

use crate::error::{DataError, Problem};

/// Header and rows of a CSV text.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) header: Vec<String>,
    pub(crate) rows: usize,
    /// Where the first row begins.
    pub(crate) body: usize,
    pub(crate) lines: Lines,
}

/// On which physical line a row is: rows and lines differ by one until a quoted cell holds a line break.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// (first row from which it holds, lines before that row minus rows).
    shifts: Vec<(usize, u64)>,
}

impl Lines {
    /// The line, counted from 1, of a row counted from 0.
    pub(crate) fn of_row(&self, row: usize) -> u64 {
        let i = self.shifts.partition_point(|s| s.0 <= row);
        let shift = i.checked_sub(1).and_then(|i| self.shifts.get(i)).map_or(1, |s| s.1);
        row as u64 + shift + 1
    }
}

/// One record: how many cells, where the next begins, how many line breaks are inside.
struct Record {
    cells: usize,
    next: usize,
    breaks: u64,
}

/// Walks the record that begins at `at`. A quote may only open a cell, and only a separator or line end may follow its end.
#[inline]
fn record(b: &[u8], at: usize) -> Option<Record> {
    let mut r = Record { cells: 1, next: b.len(), breaks: 0 };
    let mut i = at;
    let mut cell_start = true;
    while let Some(&c) = b.get(i) {
        match c {
            b',' => {
                r.cells += 1;
                cell_start = true;
                i += 1;
                continue;
            }
            b'\n' => {
                r.next = i + 1;
                return Some(r);
            }
            b'"' if cell_start => i = quoted(b, i + 1, &mut r.breaks)?,
            b'"' => return None,
            _ => i += 1,
        }
        cell_start = false;
    }
    Some(r)
}

/// From after an opening quote to after the closing one.
fn quoted(b: &[u8], mut i: usize, breaks: &mut u64) -> Option<usize> {
    loop {
        match (b.get(i)?, b.get(i + 1)) {
            (b'"', Some(b'"')) => i += 2,
            (b'"', None | Some(b',' | b'\n')) => return Some(i + 1),
            (b'"', _) => return None,
            (c, _) => {
                *breaks += u64::from(*c == b'\n');
                i += 1;
            }
        }
    }
}

/// Where the last complete record of a text ends: 0 when none does.
pub(crate) fn complete(b: &[u8]) -> usize {
    if !b.contains(&b'"') {
        return b.iter().rposition(|c| *c == b'\n').map_or(0, |i| i + 1);
    }
    let mut end = 0;
    while let Some(r) = record(b, end) {
        if r.next == end || b.get(r.next.wrapping_sub(1)) != Some(&b'\n') {
            break;
        }
        // A record that runs to the end of the text may go on behind it, unless its line has ended.
        end = r.next;
    }
    end
}

/// The shape of a text that ends without a line break.
pub(crate) fn scan(file: &str, b: &[u8]) -> Result<Shape, DataError> {
    let bad = |problem, line| DataError::new(file, problem).at_line(line);
    let head = record(b, 0).ok_or_else(|| bad(Problem::BadQuote, 1))?;
    let header = split(b.get(..head.next).unwrap_or_default());
    // One column of this name is a table of another separator.
    if let [only] = header.as_slice()
        && let Some(found) = [';', '\t', '|'].into_iter().find(|c| only.contains(*c))
    {
        return Err(bad(Problem::Separator { found }, 1));
    }
    check_header(file, &header)?;
    let body = head.next;
    let mut line = 2 + head.breaks;
    let mut lines = Lines::default();
    if head.breaks > 0 {
        lines.shifts.push((0, 1 + head.breaks));
    }
    let (mut at, mut rows) = (body, 0);
    while at < b.len() {
        if matches!(b.get(at), Some(b'\n')) {
            return Err(bad(Problem::BlankLine, line).at_row(rows as u64 + 1));
        }
        let r = record(b, at).ok_or_else(|| bad(Problem::BadQuote, line).at_row(rows as u64 + 1))?;
        if r.cells != header.len() {
            let problem = Problem::Ragged { found: r.cells, expected: header.len() };
            return Err(bad(problem, line).at_row(rows as u64 + 1));
        }
        rows += 1;
        line += 1 + r.breaks;
        if r.breaks > 0 {
            lines.shifts.push((rows, line - rows as u64 - 1));
        }
        at = r.next;
    }
    Ok(Shape { header, rows, body, lines })
}

fn check_header(file: &str, header: &[String]) -> Result<(), DataError> {
    for (i, name) in header.iter().enumerate() {
        if name.is_empty() {
            return Err(DataError::new(file, Problem::UnnamedColumn { position: i + 1 }).at_line(1));
        }
        if header.iter().take(i).any(|h| h == name) {
            return Err(DataError::new(file, Problem::DuplicateColumn { column: name.clone() }).at_line(1));
        }
    }
    Ok(())
}

/// The cells of a header line that `record` accepted.
fn split(b: &[u8]) -> Vec<String> {
    let (mut out, mut cell, mut inside) = (Vec::new(), Vec::new(), false);
    let end = |cell: &mut Vec<u8>| {
        let s = String::from_utf8_lossy(cell).trim().to_owned();
        cell.clear();
        s
    };
    let mut bytes = b.iter().peekable();
    while let Some(&c) = bytes.next() {
        match c {
            b'"' if inside && bytes.next_if(|n| **n == b'"').is_some() => cell.push(b'"'),
            b'"' => inside = !inside,
            b',' if !inside => out.push(end(&mut cell)),
            b'\n' if !inside => {}
            _ => cell.push(c),
        }
    }
    out.push(end(&mut cell));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> (Problem, Option<u64>) {
        let e = scan("f", text.as_bytes()).unwrap_err();
        (e.problem().clone(), e.line())
    }

    #[test]
    fn shape_and_physical_lines() {
        let s = scan("f", b"a,\"b \"\"x\"\", c\"\n1,2\n\"x\ny\",3\n4,\"5\"").unwrap();
        assert_eq!(s.header, ["a", "b \"x\", c"]);
        assert_eq!(s.rows, 3);
        assert_eq!((0..3).map(|r| s.lines.of_row(r)).collect::<Vec<_>>(), [2, 3, 5]);
    }

    #[test]
    fn structural_faults_name_their_line() {
        assert_eq!(problem("a,b\n1,2\n3"), (Problem::Ragged { found: 1, expected: 2 }, Some(3)));
        assert_eq!(problem("a,b\n1,2,3"), (Problem::Ragged { found: 3, expected: 2 }, Some(2)));
        assert_eq!(problem("a,b\n\n1,2"), (Problem::BlankLine, Some(2)));
        assert_eq!(problem("a,b\n\"1,2"), (Problem::BadQuote, Some(2)));
        assert_eq!(problem("a,b\n\"1\"x,2"), (Problem::BadQuote, Some(2)));
        assert_eq!(problem("a,b\nx\"1,2"), (Problem::BadQuote, Some(2)));
        assert_eq!(problem("date;X\n2024-01-02;100,50"), (Problem::Separator { found: ';' }, Some(1)));
        assert_eq!(problem("a,a\n1,2"), (Problem::DuplicateColumn { column: "a".into() }, Some(1)));
        assert_eq!(problem("a,\n1,2"), (Problem::UnnamedColumn { position: 2 }, Some(1)));
    }
}
