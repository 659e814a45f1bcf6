//! Just enough of Rust's syntax to search code without searching its comments and strings.

/// The source with the contents of comments, strings and characters replaced by blanks; every byte keeps its place.
pub fn code_only(source: &str) -> String {
    let b = source.as_bytes();
    let mut out = b.to_vec();
    let mut i = 0;
    let at = |i: usize| b.get(i).copied().unwrap_or(0);
    while i < b.len() {
        let end = match b[i] {
            b'/' if at(i + 1) == b'/' => (i..b.len()).find(|&j| b[j] == b'\n').unwrap_or(b.len()),
            b'/' if at(i + 1) == b'*' => block_comment(b, i),
            b'"' => string(b, i + 1),
            b'r' if !follows_name(b, i) => match raw_string(b, i + 1) {
                Some(end) => end,
                None => {
                    i += 1;
                    continue;
                }
            },
            b'\'' => match character(source, i) {
                Some(end) => end,
                None => {
                    i += 1;
                    continue;
                }
            },
            _ => {
                i += 1;
                continue;
            }
        };
        for c in &mut out[i..end] {
            if *c != b'\n' {
                *c = b' ';
            }
        }
        i = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether the `r` at `i` is the end of a name, so that no raw string begins here; `br` and `cr` do begin one.
fn follows_name(b: &[u8], i: usize) -> bool {
    let before = i.checked_sub(1).map_or(b' ', |j| b[j]);
    let prefix = matches!(before, b'b' | b'c') && i.checked_sub(2).is_none_or(|j| !is_word(b[j]));
    is_word(before) && !prefix
}

fn block_comment(b: &[u8], start: usize) -> usize {
    let (mut depth, mut i) = (0, start);
    while i < b.len() {
        match (b[i], b.get(i + 1)) {
            (b'/', Some(b'*')) => {
                depth += 1;
                i += 2;
            }
            (b'*', Some(b'/')) => {
                depth -= 1;
                i += 2;
                if depth == 0 {
                    return i;
                }
            }
            _ => i += 1,
        }
    }
    b.len()
}

fn string(b: &[u8], mut i: usize) -> usize {
    while i < b.len() {
        match b[i] {
            b'\\' => i += 2,
            b'"' => return i + 1,
            _ => i += 1,
        }
    }
    b.len()
}

/// The end of the raw string whose hashes begin at `i`, if one begins there.
fn raw_string(b: &[u8], i: usize) -> Option<usize> {
    let hashes = b[i..].iter().take_while(|c| **c == b'#').count();
    if b.get(i + hashes) != Some(&b'"') {
        return None;
    }
    let body = i + hashes + 1;
    let close =
        |j: &usize| b[*j] == b'"' && b.len() >= j + 1 + hashes && b[j + 1..=j + hashes].iter().all(|c| *c == b'#');
    Some((body..b.len()).find(close).map_or(b.len(), |j| j + 1 + hashes))
}

/// The end of the character literal that begins at `i`; `None` when it is a lifetime.
fn character(source: &str, i: usize) -> Option<usize> {
    let rest = &source[i + 1..];
    if let Some(escape) = rest.strip_prefix('\\') {
        // The first character after the backslash may itself be a quote.
        let skip = escape.chars().next().map_or(0, char::len_utf8);
        return escape.get(skip..)?.find('\'').map(|j| i + 2 + skip + j + 1);
    }
    let first = rest.chars().next()?.len_utf8();
    rest[first..].starts_with('\'').then_some(i + 1 + first + 1)
}

fn is_word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_'
}

/// Where `word` stands in `text` as a word of its own.
pub fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let b = text.as_bytes();
    let ends_in_word = word.bytes().last().is_some_and(is_word);
    text.match_indices(word).map(|(i, _)| i).filter(move |&i| {
        let before = i.checked_sub(1).is_none_or(|j| !is_word(b[j]));
        let after = !ends_in_word || b.get(i + word.len()).is_none_or(|c| !is_word(*c));
        before && after
    })
}

/// The line (from 1) of a byte of the text.
pub fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|c| **c == b'\n').count() + 1
}

/// Where the file's own tests begin; its end when it has none.
pub fn tests_begin(code: &str) -> usize {
    code.find("#[cfg(test)]").unwrap_or(code.len())
}

/// Where the module with the file's own tests begins, its end when it has none: unlike [`tests_begin`] this passes over `mod tests;` and over
/// single functions for tests.
pub fn test_module(code: &str) -> usize {
    let body = |at: &usize| {
        let rest = code[*at..].trim_start_matches("#[cfg(test)]").trim_start();
        rest.strip_prefix("mod ")
            .is_some_and(|r| r.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').starts_with(" {"))
    };
    code.match_indices("#[cfg(test)]").map(|m| m.0).find(body).unwrap_or(code.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_remains_in_its_place() {
        let cases = [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            ("f(\"x\\\"y\", 1)", "f(      , 1)"),
            ("f(r#\"x\"y\"#)", "f(        )"),
            ("f(br\"x\")", "f(b    )"),
            ("for\"x\"", "for   "),
            ("'x' '\\'' 'a: &'b str", "         'a: &'b str"),
            ("'é'b", "    b"),
        ];
        for (from, want) in cases {
            assert_eq!(code_only(from), want, "{from}");
            assert_eq!(code_only(from).len(), from.len(), "{from}");
        }
    }

    #[test]
    fn words_stand_alone() {
        assert_eq!(words("unsafe_code unsafe x.unsafe", "unsafe").collect::<Vec<_>>(), [12, 21]);
        assert_eq!(line_of("a\nb\nc", 4), 3);
    }
    #[test]
    fn a_module_of_tests_has_a_body() {
        let code = "#[cfg(test)]\nmod tests;\n#[cfg(test)]\nfn f() {}\n#[cfg(test)]\nmod more {\n}\n";
        assert_eq!(tests_begin(code), 0);
        assert_eq!(test_module(code), code.rfind("#[cfg").unwrap());
        assert_eq!(test_module("#[cfg(test)]\nmod tests;\n"), 24);
    }
}
