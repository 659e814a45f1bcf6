//! Escaping and the writing of numbers.

/// What a value that is not defined looks like.
pub(crate) const UNDEFINED: &str = "–";

/// Text for HTML content and quoted attributes.
pub(crate) fn esc(s: &str) -> String {
    let mut out = String::with_capacity(s.len() + 8);
    for c in s.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// JSON for a `<script>` element: nothing in it can end the element or begin another.
pub(crate) fn script_json(v: &serde_json::Value) -> String {
    let mut out = String::new();
    for c in v.to_string().chars() {
        match c {
            // These occur in JSON only within strings, where the escapes mean the same.
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}

/// With so many decimals, thousands separated, and a true minus sign.
pub(crate) fn number(x: f64, decimals: usize) -> String {
    if !x.is_finite() {
        return UNDEFINED.into();
    }
    let body = format!("{:.decimals$}", x.abs());
    let (int, frac) = body.split_once('.').map_or((body.as_str(), None), |(i, f)| (i, Some(f)));
    let mut out = String::new();
    if x < 0.0 && body.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
        out.push('−');
    }
    for (i, c) in int.chars().enumerate() {
        if i > 0 && (int.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    if let Some(f) = frac {
        out.push('.');
        out.push_str(f);
    }
    out
}

fn optional(x: Option<f64>, f: impl Fn(f64) -> String) -> String {
    x.filter(|x| x.is_finite()).map_or_else(|| UNDEFINED.into(), f)
}

/// A plain number with two decimals.
pub(crate) fn plain(x: Option<f64>) -> String {
    optional(x, |x| number(x, 2))
}

/// A fraction as a percentage with two decimals.
pub(crate) fn percent(x: Option<f64>) -> String {
    optional(x, |x| format!("{} %", number(100.0 * x, 2)))
}

/// Dollars: cents below a thousand, whole dollars above.
pub(crate) fn dollars(x: Option<f64>) -> String {
    optional(x, |x| {
        let body = number(x.abs(), if x.abs() < 1000.0 { 2 } else { 0 });
        let minus = if x < 0.0 && body.bytes().any(|b| (b'1'..=b'9').contains(&b)) { "−" } else { "" };
        format!("{minus}${body}")
    })
}

/// A p-value.
pub(crate) fn p_value(x: Option<f64>) -> String {
    optional(x, |x| if x < 0.001 { "< 0.001".into() } else { number(x, 3) })
}

/// `1 trade`, `2 trades`.
pub(crate) fn plural(n: u64, one: &str) -> String {
    format!("{} {one}{}", number(n as f64, 0), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(number(-1_234_567.891, 2), "−1,234,567.89");
        assert_eq!(number(-0.001, 2), "0.00");
        assert_eq!(number(999.0, 0), "999");
        assert_eq!(number(f64::NAN, 2), "–");
        assert_eq!(percent(Some(-0.12345)), "−12.35 %");
        assert_eq!(dollars(Some(-12_345.6)), "−$12,346");
        assert_eq!((dollars(Some(-0.001)).as_str(), dollars(None).as_str()), ("$0.00", "–"));
        assert_eq!((p_value(Some(1e-9)).as_str(), p_value(Some(0.25)).as_str()), ("< 0.001", "0.250"));
        assert_eq!((plural(1, "trade").as_str(), plural(2000, "trade").as_str()), ("1 trade", "2,000 trades"));
    }

    #[test]
    fn nothing_gets_out_of_text_or_script() {
        assert_eq!(esc("<b a='\"'>&"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;");
        let v = serde_json::json!({"a</script>": "<!-- & \u{2028}"});
        let s = script_json(&v);
        assert!(!s.contains(['<', '>', '&', '\u{2028}']), "{s}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&s).unwrap(), v);
    }
}
