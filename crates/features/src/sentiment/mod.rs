//! The sentiment of a text about companies and markets: a lexicon of the project's own, with directions, negation and intensifiers.
//!
//! Words and phrases carry a valence from -4 to 4. A direction (`rises`, `falls`) is good or bad by what moves: with one of the adverse
//! words (`costs`, `unemployment`, `losses`) in its clause nearby its sign turns; the own valence of what moves does not count. A negation up to
//! three words before turns a valence around and weakens it (x -0.7); an intensifier beside it strengthens it (x 1.3), a diminisher weakens
//! it (x 0.7). After the last `but` counts more (x 1.3), before it less (x 0.6). With S the sum, the score is S / sqrt(S^2 + 15), in
//! (-1, 1): the normalisation, and the idea of rules on top of valences, are those of Hutto & Gilbert (2014), VADER, ICWSM 8.
//! Their list is of general English; this one is not derived from it. That general lists misread finance ("liability",
//! "cost") is shown by Loughran & McDonald (2011), Journal of Finance 66(1).

mod stem;

use std::sync::LazyLock;

use self::stem::Stem;

/// What of a text is looked at: a headline and its first paragraphs.
const WORDS: usize = 256;
/// The longest phrase.
const PHRASE: usize = 5;

/// The sentiment of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sentiment {
    /// From -1 (bad) to 1 (good); 0 for a text without any word that counts.
    pub score: f64,
    /// Words and phrases that counted.
    pub hits: usize,
}

/// What a word or phrase means.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Meaning {
    valence: i8,
    /// Up or down, with its strength.
    direction: i8,
    /// What moves: -1 is bad when it grows, 1 good.
    noun: i8,
    /// Parts a clause from the next.
    part: bool,
    not: bool,
    /// 1 strengthens, -1 weakens.
    degree: i8,
}

/// Stems of phrases with a blank between words, sorted.
static LEXICON: LazyLock<Vec<(Vec<u8>, Meaning)>> = LazyLock::new(|| {
    let mut all = std::collections::BTreeMap::<Vec<u8>, Meaning>::new();
    for (kind, phrase) in entries() {
        let mut key = Vec::new();
        let mut words = [Stem::EMPTY; WORDS];
        let n = tokens(phrase, &mut words);
        for w in &words[..n] {
            if !key.is_empty() {
                key.push(b' ');
            }
            key.extend_from_slice(w.as_bytes());
        }
        let m = all.entry(key).or_default();
        let digit = |k: &str| k.bytes().last().map_or(0, |b| (b.saturating_sub(b'0')) as i8);
        match kind {
            "adverse" => m.noun = -1,
            "good" => m.noun = 1,
            "part" => m.part = true,
            "not" => m.not = true,
            "more" => m.degree = 1,
            "less" => m.degree = -1,
            k if k.starts_with("up") => m.direction = digit(k),
            k if k.starts_with("down") => m.direction = -digit(k),
            k => m.valence = k.parse().unwrap_or(0),
        }
    }
    all.into_iter().collect()
});

/// Kind and phrase of every entry of the list.
fn entries() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("lexicon.txt")
        .lines()
        .filter(|l| !l.starts_with('#'))
        .filter_map(|l| l.split_once(": "))
        .flat_map(|(kind, words)| words.split(", ").map(move |w| (kind, w)))
}

/// Stems of the words of a text: letters and digits; an apostrophe joins (`isn't` is `isnt`), everything else separates. Punctuation
/// before a blank is a word of its own.
fn tokens(text: &str, out: &mut [Stem; WORDS]) -> usize {
    let (mut n, mut word, mut stop) = (0, Stem::EMPTY, false);
    let mut add = |w: Stem| {
        if n < WORDS {
            out[n] = w;
            n += 1;
        }
    };
    for c in text.chars().chain(std::iter::once(' ')) {
        if c.is_ascii_alphanumeric() {
            word.push(c as u8);
            stop = false;
        } else if c != '\'' && c != '\u{2019}' {
            if !word.is_empty() {
                add(word.stem());
                word = Stem::EMPTY;
            }
            if c.is_whitespace() && stop {
                add(Stem::STOP);
            }
            stop = matches!(c, ',' | ';' | ':' | '.' | '!' | '?');
        }
    }
    n
}

fn lookup(words: &[Stem]) -> Option<Meaning> {
    let mut key = [0_u8; PHRASE * (stem::LONGEST + 1)];
    let mut n = 0;
    for (i, w) in words.iter().enumerate() {
        if i > 0 {
            key[n] = b' ';
            n += 1;
        }
        let b = w.as_bytes();
        key[n..n + b.len()].copy_from_slice(b);
        n += b.len();
    }
    let lexicon = &*LEXICON;
    lexicon.binary_search_by(|e| e.0.as_slice().cmp(&key[..n])).ok().map(|i| lexicon[i].1)
}

/// A word or phrase of the list found in a text.
#[derive(Clone, Copy, Default)]
struct Found {
    from: usize,
    to: usize,
    meaning: Meaning,
    value: f64,
}

impl Found {
    /// Words between this and another, 0 when they touch; which of them comes first does not matter.
    fn gap(&self, o: &Found) -> usize {
        if o.from >= self.to { o.from - self.to } else { self.from.saturating_sub(o.to) }
    }
}

/// The sentiment of a text; what is not written in ASCII letters is passed over. Allocates nothing after its first call.
///
/// ```
/// use tradewind_features::sentiment::score;
/// // "beats estimates" 3: 3 / sqrt(9 + 15).
/// assert!((score("Acme beats estimates").score - 3.0 / 24.0_f64.sqrt()).abs() < 1e-12);
/// assert!(score("Unemployment falls").score > 0.0 && score("Profit falls").score < 0.0);
/// assert_eq!(score("Acme to hold its annual meeting on Thursday").hits, 0);
/// ```
pub fn score(text: &str) -> Sentiment {
    let mut words = [Stem::EMPTY; WORDS];
    let n = tokens(text, &mut words);
    let words = &words[..n];
    // Longest phrases first, each word in one of them.
    let mut found = [Found::default(); WORDS];
    let mut parts = [false; WORDS];
    let (mut count, mut i, mut but) = (0, 0, None);
    while i < n {
        if [&b"but"[..], b"however", b"though", b"although"].contains(&words[i].as_bytes()) {
            but = Some(i);
        }
        if words[i].as_bytes() == Stem::STOP.as_bytes() {
            parts[i] = true;
        }
        let hit = (1..=PHRASE.min(n - i)).rev().find_map(|k| lookup(&words[i..i + k]).map(|m| (k, m)));
        let Some((k, meaning)) = hit else {
            i += 1;
            continue;
        };
        parts[i] |= meaning.part;
        found[count] = Found { from: i, to: i + k, meaning, value: f64::from(meaning.valence) };
        count += 1;
        i += k;
    }
    let found = &mut found[..count];
    // Whether nothing parts two of them.
    let joined = |a: &Found, b: &Found| {
        let (from, to) = if a.from < b.from { (a.to, b.from) } else { (b.to, a.from) };
        !parts[from..to.max(from)].contains(&true)
    };
    // What moves: the nearest noun of the clause up to four words before or two after, which no direction before has taken.
    let mut taken = [false; WORDS];
    for k in 0..count {
        let d = found[k].meaning.direction;
        if d == 0 {
            continue;
        }
        let near = |j: &usize| {
            let reach = if *j < k { 4 } else { 2 };
            let (f, o) = (&found[k], &found[*j]);
            *j != k && o.meaning.noun != 0 && !taken[*j] && o.gap(f) <= reach && joined(f, o)
        };
        let what = (0..count).filter(near).min_by_key(|j| found[*j].gap(&found[k]));
        found[k].value = f64::from(d);
        if let Some(j) = what {
            found[k].value *= f64::from(found[j].meaning.noun);
            found[j].value = 0.0;
            taken[j] = true;
        }
    }
    let (mut sum, mut hits) = (0.0, 0);
    for k in 0..count {
        let f = found[k];
        if f.value == 0.0 {
            continue;
        }
        let before = |j: &usize, reach: usize| *j < k && found[*j].gap(&f) <= reach;
        let mut v = f.value;
        if (0..count).any(|j| found[j].meaning.not && before(&j, 3) && joined(&found[j], &f)) {
            v *= -0.7;
        }
        let degree = (0..count).filter(|j| found[*j].meaning.degree != 0);
        let beside = degree.clone().find(|j| before(j, 1) || (*j > k && found[*j].gap(&f) == 0));
        if let Some(j) = beside {
            v *= if found[j].meaning.degree > 0 { 1.3 } else { 0.7 };
        }
        if let Some(b) = but {
            v *= if f.from > b { 1.3 } else { 0.6 };
        }
        sum += v;
        hits += 1;
    }
    Sentiment { score: sum / f64::sqrt(sum * sum + 15.0), hits }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum behind a score.
    fn sum(text: &str) -> f64 {
        let s = score(text).score;
        s * (15.0 / (1.0 - s * s)).sqrt()
    }
    fn is(text: &str, want: f64) {
        assert!((sum(text) - want).abs() < 1e-9, "{text}: {} instead of {want}", sum(text));
    }

    #[test]
    fn the_list_is_sane() {
        let all: Vec<_> = entries().collect();
        assert!((600..1500).contains(&all.len()), "{} entries", all.len());
        for (kind, phrase) in &all {
            let valence = kind.parse::<i8>().is_ok_and(|v| v != 0 && v.abs() <= 4);
            let shape =
                ["up1", "up2", "up3", "down1", "down2", "down3", "adverse", "good", "part", "not", "more", "less"]
                    .contains(kind);
            assert!(valence || shape, "{kind}");
            assert!((1..=PHRASE).contains(&phrase.split(' ').count()), "{phrase}");
            assert!(phrase.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b' '), "{phrase}");
        }
        // No phrase has two valences, nor a valence and a direction.
        let mut seen = std::collections::BTreeMap::new();
        for (kind, phrase) in all.iter().filter(|e| !["adverse", "good", "part", "not", "more", "less"].contains(&e.0))
        {
            let mut words = [Stem::EMPTY; WORDS];
            let n = tokens(phrase, &mut words);
            let key: Vec<_> = words[..n].iter().map(|w| w.as_bytes().to_vec()).collect();
            if let Some((k, p)) = seen.insert(key, (*kind, *phrase)) {
                assert_eq!(k, *kind, "{p} and {phrase}");
            }
        }
    }

    #[test]
    fn rules_by_hand() {
        is("Acme beats estimates", 3.0);
        is("Acme did not beat estimates", -0.7 * 3.0);
        is("Costs surge", -3.0);
        is("Costs plunged at Acme", 3.0);
        is("Acme shares fall sharply", -1.3 * 2.0);
        is("Acme shares slip slightly", -0.7);
        is("Acme is bankrupt", -4.0);
        is("Acme beats estimates but cuts guidance", 0.6 * 3.0 - 1.3 * 3.0);
        is("ACME isn\u{2019}t profitable", -0.7 * 2.0);
        assert_eq!(score(""), Sentiment { score: 0.0, hits: 0 });
        assert_eq!(score("Quarterly report due on Friday").hits, 0);
    }

    #[test]
    fn any_text_has_a_finite_score() {
        let long = "surges ".repeat(10_000);
        for text in ["\u{1F680}\u{1F680}", "ÄÖÜ été", "'''''", "a'b'c", &long, &"x".repeat(5000)] {
            let s = score(text).score;
            assert!((-1.0..=1.0).contains(&s), "{text:.20}: {s}");
        }
        assert!(score(&long).hits == WORDS);
    }
}
