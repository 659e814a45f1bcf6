//! The words of the brokers: grades on five points, and the many names of one firm.

/// The grades everybody knows, normalised (see [`letters`]) and sorted: strong buy 1, buy 0.5, hold 0, sell -0.5, strong sell -1.
const GRADES: &[(&str, f64)] = &[
    ("above average", 0.5),
    ("accumulate", 0.5),
    ("action list buy", 1.0),
    ("add", 0.5),
    ("average", 0.0),
    ("below average", -0.5),
    ("buy", 0.5),
    ("conviction buy", 1.0),
    ("conviction sell", -1.0),
    ("equal weight", 0.0),
    ("equalweight", 0.0),
    ("fair value", 0.0),
    ("fairly valued", 0.0),
    ("gradually accumulate", 0.5),
    ("hold", 0.0),
    ("hold neutral", 0.0),
    ("in line", 0.0),
    ("inline", 0.0),
    ("long term buy", 0.5),
    ("market outperform", 0.5),
    ("market outperformer", 0.5),
    ("market perform", 0.0),
    ("market performer", 0.0),
    ("market underperform", -0.5),
    ("market weight", 0.0),
    ("mixed", 0.0),
    ("moderate buy", 0.5),
    ("moderate sell", -0.5),
    ("negative", -0.5),
    ("neutral", 0.0),
    ("outperform", 0.5),
    ("outperformer", 0.5),
    ("overweight", 0.5),
    ("peer perform", 0.0),
    ("perform", 0.0),
    ("performer", 0.0),
    ("positive", 0.5),
    ("reduce", -0.5),
    ("sector outperform", 0.5),
    ("sector outperformer", 0.5),
    ("sector perform", 0.0),
    ("sector performer", 0.0),
    ("sector underperform", -0.5),
    ("sector underperformer", -0.5),
    ("sector weight", 0.0),
    ("sell", -0.5),
    ("speculative buy", 0.5),
    ("strong buy", 1.0),
    ("strong hold", 0.0),
    ("strong sell", -1.0),
    ("top pick", 1.0),
    ("trim", -0.5),
    ("underperform", -0.5),
    ("underperformer", -0.5),
    ("underweight", -0.5),
];

/// What says that there is no view any more, sorted.
const WITHDRAWN: &[&str] = &[
    "coverage dropped",
    "discontinued",
    "drop coverage",
    "dropped",
    "no rating",
    "not covered",
    "not rated",
    "nr",
    "restricted",
    "suspended",
    "tender",
    "under review",
    "withdrawn",
];

/// Other names of firms, normalised and sorted.
const ALIASES: &[(&str, &str)] = &[
    ("alliancebernstein", "bernstein"),
    ("argus research", "argus"),
    ("argus research company", "argus"),
    ("b of a securities", "bofa"),
    ("b riley fbr", "b riley"),
    ("b riley securities", "b riley"),
    ("bank of america", "bofa"),
    ("bank of america merrill lynch", "bofa"),
    ("bank of america securities", "bofa"),
    ("bank of nova scotia", "scotiabank"),
    ("barclays capital", "barclays"),
    ("bernstein societe generale", "bernstein"),
    ("bernstein societe generale group", "bernstein"),
    ("bmo capital", "bmo"),
    ("bmo capital markets", "bmo"),
    ("bnp paribas exane", "bnp paribas"),
    ("bofa securities", "bofa"),
    ("canaccord genuity", "canaccord"),
    ("canaccord genuity group", "canaccord"),
    ("cantor fitzgerald", "cantor"),
    ("citigroup", "citi"),
    ("cowen", "td cowen"),
    ("cowen and company", "td cowen"),
    ("cowen co", "td cowen"),
    ("credit suisse group", "credit suisse"),
    ("d a davidson", "da davidson"),
    ("deutsche bank aktiengesellschaft", "deutsche bank"),
    ("deutsche bank securities", "deutsche bank"),
    ("evercore isi", "evercore"),
    ("evercore isi group", "evercore"),
    ("exane bnp paribas", "bnp paribas"),
    ("goldman", "goldman sachs"),
    ("goldman sachs group", "goldman sachs"),
    ("guggenheim securities", "guggenheim"),
    ("hsbc global research", "hsbc"),
    ("hsbc securities", "hsbc"),
    ("j p morgan", "jpmorgan"),
    ("jefferies financial group", "jefferies"),
    ("jefferies group", "jefferies"),
    ("jp morgan", "jpmorgan"),
    ("jp morgan chase co", "jpmorgan"),
    ("jpmorgan chase", "jpmorgan"),
    ("jpmorgan chase co", "jpmorgan"),
    ("keybanc capital", "keybanc"),
    ("keybanc capital markets", "keybanc"),
    ("keycorp", "keybanc"),
    ("loop capital", "loop"),
    ("loop capital markets", "loop"),
    ("merrill lynch", "bofa"),
    ("mizuho securities", "mizuho"),
    ("needham co", "needham"),
    ("needham company", "needham"),
    ("needham company llc", "needham"),
    ("oppenheimer holdings", "oppenheimer"),
    ("piper jaffray", "piper sandler"),
    ("raymond james financial", "raymond james"),
    ("rbc capital", "rbc"),
    ("rbc capital markets", "rbc"),
    ("robert w baird", "baird"),
    ("royal bank of canada", "rbc"),
    ("rw baird", "baird"),
    ("sanford bernstein", "bernstein"),
    ("sanford c bernstein", "bernstein"),
    ("stifel nicolaus", "stifel"),
    ("the goldman sachs group", "goldman sachs"),
    ("truist financial", "truist"),
    ("truist securities", "truist"),
    ("ubs group", "ubs"),
    ("wedbush securities", "wedbush"),
    ("wells fargo company", "wells fargo"),
    ("wells fargo securities", "wells fargo"),
];

/// Lower-case letters and digits, words separated by one space: `B. of A. Securities` is `b of a securities`. Without allocation.
pub(super) fn letters(text: &str) -> impl Iterator<Item = char> + Clone + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).enumerate().flat_map(|(i, word)| {
        let space = (i > 0).then_some(' ');
        space.into_iter().chain(word.chars().map(|c| c.to_ascii_lowercase()))
    })
}

/// The normalised text, kept.
pub(super) fn normalised(text: &str) -> String {
    letters(text).collect()
}

/// What a grade means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Meaning {
    /// Nothing was said.
    None,
    /// -1, -0.5, 0, 0.5 or 1.
    Points(f64),
    /// There is no view any more.
    Withdrawn,
    /// Words nobody has told us the meaning of.
    Unknown,
}

/// The meaning of a broker's words; `own` are further grades, normalised and sorted, which go before the known ones.
pub(super) fn meaning(text: &str, own: &[(String, f64)]) -> Meaning {
    let words = letters(text);
    if words.clone().next().is_none() {
        return Meaning::None;
    }
    if let Ok(at) = own.binary_search_by(|(k, _)| k.chars().cmp(words.clone())) {
        return Meaning::Points(own[at].1);
    }
    if let Ok(at) = GRADES.binary_search_by(|(k, _)| k.chars().cmp(words.clone())) {
        return Meaning::Points(GRADES[at].1);
    }
    match WITHDRAWN.binary_search_by(|k| k.chars().cmp(words.clone())) {
        Ok(_) => Meaning::Withdrawn,
        Err(_) => Meaning::Unknown,
    }
}

/// The name under which a firm is kept: through `own` aliases (normalised, sorted) or the known ones; nothing when it has none and
/// its normalised text is its name.
pub(super) fn alias<'a>(firm: &str, own: &'a [(String, String)]) -> Option<&'a str> {
    let words = letters(firm);
    if let Ok(at) = own.binary_search_by(|(k, _)| k.chars().cmp(words.clone())) {
        return Some(own[at].1.as_str());
    }
    ALIASES.binary_search_by(|(k, _)| k.chars().cmp(words.clone())).ok().map(|at| ALIASES[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_normalised() {
        assert!(GRADES.windows(2).all(|w| w[0].0 < w[1].0) && GRADES.iter().all(|g| normalised(g.0) == g.0));
        assert!(WITHDRAWN.windows(2).all(|w| w[0] < w[1]));
        assert!(ALIASES.windows(2).all(|w| w[0].0 < w[1].0));
        for (from, to) in ALIASES {
            assert!(normalised(from) == *from && normalised(to) == *to, "{from}");
            assert!(alias(to, &[]).is_none(), "{to} is itself an alias");
        }
    }

    #[test]
    fn words_in_any_dress() {
        assert_eq!(meaning("  Equal-Weight ", &[]), Meaning::Points(0.0));
        assert_eq!(meaning("OUTPERFORM", &[]), Meaning::Points(0.5));
        assert_eq!(meaning("Strong  Buy", &[]), Meaning::Points(1.0));
        assert_eq!(meaning(" - ", &[]), Meaning::None);
        assert_eq!(meaning("Not Rated", &[]), Meaning::Withdrawn);
        assert_eq!(meaning("Franchise Pick", &[]), Meaning::Unknown);
        let own = [("franchise pick".to_owned(), 1.0)];
        assert_eq!(meaning("Franchise Pick", &own), Meaning::Points(1.0));
        assert_eq!(alias("B of A Securities", &[]), Some("bofa"));
        assert_eq!(alias("J.P. Morgan", &[]), Some("jpmorgan"));
        assert_eq!(alias("Morgan Stanley", &[]), None);
    }
}
