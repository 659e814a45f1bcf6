//! Words to stems: a few rules in the manner of Porter (1980), enough to bring the inflections of a word together.

/// The longest word that is looked at; what is longer is cut.
pub(super) const LONGEST: usize = 24;

/// A stem on the stack.
#[derive(Clone, Copy)]
pub(super) struct Stem {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Stem {
    pub(super) const EMPTY: Self = Self { bytes: [0; LONGEST], len: 0 };
    /// Punctuation.
    pub(super) const STOP: Self = {
        let mut bytes = [0; LONGEST];
        bytes[0] = b',';
        Self { bytes, len: 1 }
    };

    /// Adds a byte of a word; letters become lower-case.
    pub(super) fn push(&mut self, b: u8) {
        if self.len < LONGEST {
            self.bytes[self.len] = b.to_ascii_lowercase();
            self.len += 1;
        }
    }
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
    fn ends(&self, with: &str) -> bool {
        self.as_bytes().ends_with(with.as_bytes())
    }
    fn vowel_before(&self, end: usize) -> bool {
        self.bytes[..end].iter().any(|b| b"aeiouy".contains(b))
    }
    /// Takes the ending off, when what stays is a word: three letters with a vowel among them.
    fn drop_ending(&mut self, ending: &str) -> bool {
        let end = self.len.saturating_sub(ending.len());
        let fits = self.ends(ending) && end >= 3 && self.vowel_before(end);
        if fits {
            self.len = end;
        }
        fits
    }
    /// The word's stem.
    pub(super) fn stem(mut self) -> Self {
        // Plurals and third persons.
        if self.ends("ies") && self.len > 4 {
            self.len -= 2;
            self.bytes[self.len - 1] = b'y';
        } else if ["sses", "xes", "zes", "ches", "shes"].iter().any(|e| self.ends(e)) {
            self.len -= 2;
        } else if self.len > 3 && self.ends("s") && !["ss", "us", "is"].iter().any(|e| self.ends(e)) {
            self.len -= 1;
        }
        // Past and present participles.
        if self.ends("ied") && self.len > 4 {
            self.len -= 2;
            self.bytes[self.len - 1] = b'y';
        } else if self.drop_ending("ed") || self.drop_ending("ing") {
            let w = self.as_bytes();
            if let [.., a, b] = w
                && a == b
                && !b"lsz".contains(b)
            {
                self.len -= 1;
            }
        }
        if self.len > 3 && self.ends("e") {
            self.len -= 1;
        }
        self
    }
}

/// The stem of a word given as text.
#[cfg(test)]
pub(super) fn stem(word: &str) -> String {
    let mut s = Stem::EMPTY;
    word.bytes().for_each(|b| s.push(b));
    String::from_utf8_lossy(s.stem().as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inflections_come_together() {
        for family in [
            &["surge", "surges", "surged", "surging"][..],
            &["cut", "cuts", "cutting"],
            &["beat", "beats", "beating"],
            &["slip", "slips", "slipped", "slipping"],
            &["miss", "misses", "missed", "missing"],
            &["rally", "rallies", "rallied"],
            &["fall", "falls", "falling"],
            &["estimate", "estimates", "estimated"],
            &["plunge", "plunges", "plunged", "plunging"],
            &["crash", "crashes", "crashed"],
        ] {
            let stems: Vec<String> = family.iter().map(|w| stem(w)).collect();
            assert!(stems.windows(2).all(|w| w[0] == w[1]), "{stems:?}");
        }
        // What only looks like an ending stays.
        for word in ["king", "red", "bring", "loss", "thus", "crisis", "bed"] {
            assert_eq!(stem(word), word);
        }
        assert_ne!(stem("loss"), stem("lose"));
        assert_ne!(stem("new"), stem("renew"));
    }
}
