//! A matrix of p-values as SVG.

use std::fmt::Write;

use tradewind_alpha::plugins::alpha_coint_pairs::Scan;
use tradewind_numerics::math;

/// Colours of p-values 1 (almost white) and `DARKEST` or less.
const LIGHT: [f64; 3] = [247.0, 247.0, 242.0];
const DARK: [f64; 3] = [8.0, 48.0, 107.0];
/// -log10 of the p-value that is darkest: 1e-4.
const DARKEST: f64 = 4.0;

/// Colour of a p-value: linear in its logarithm.
fn colour(p: f64) -> String {
    let x = (-math::log10(p.max(1e-300)) / DARKEST).clamp(0.0, 1.0);
    let [r, g, b] = std::array::from_fn(|i| (LIGHT[i] + x * (DARK[i] - LIGHT[i])).round() as u8);
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn escaped(s: &str) -> String {
    s.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The heat map of a scan: darker is less likely by chance; discoveries have a frame; what could not be tested stays grey.
pub fn svg(scan: &Scan, names: &[&str], title: &str) -> String {
    let n = names.len().max(1);
    let cell = (900.0 / n as f64).clamp(2.0, 28.0);
    let labels = cell >= 8.0;
    let longest = names.iter().map(|s| s.chars().count()).max().unwrap_or(0) as f64;
    let font = (0.6 * cell).clamp(6.0, 13.0);
    let (left, top) = if labels { (12.0 + 0.65 * font * longest, 40.0 + 0.65 * font * longest) } else { (12.0, 44.0) };
    let side = cell * n as f64;
    let (width, height) = ((left + side + 16.0).max(420.0), top + side + 60.0);
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"sans-serif\" role=\"img\">\n<title>{t}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"22\" font-size=\"14\" fill=\"#222222\">{t}</text>\n\
         <rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{side:.1}\" height=\"{side:.1}\" fill=\"#cccccc\"/>\n",
        t = escaped(title)
    );
    for f in &scan.pairs {
        let Some(p) = f.p_value else { continue };
        let pair = [f.a, f.b].map(|i| escaped(names.get(i).copied().unwrap_or_default())).join("-");
        let frame = if f.discovery { " stroke=\"#d7301f\" stroke-width=\"1.5\"" } else { "" };
        for (x, y) in [(f.a, f.b), (f.b, f.a)] {
            let _ = write!(
                out,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{cell:.2}\" height=\"{cell:.2}\" fill=\"{}\"{frame}>",
                left + cell * x as f64,
                top + cell * y as f64,
                colour(p)
            );
            if labels {
                let _ = write!(out, "<title>{pair}: p {p:.5}, adjusted {:.4}</title>", f.adjusted);
            }
            out.push_str("</rect>\n");
        }
    }
    for (i, name) in names.iter().enumerate().filter(|_| labels) {
        let (name, at) = (escaped(name), cell * (i as f64 + 0.5));
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"{font:.1}\" text-anchor=\"end\" fill=\"#222222\">{name}</text>\n\
             <text transform=\"translate({:.1} {:.1}) rotate(-90)\" font-size=\"{font:.1}\" fill=\"#222222\">{name}</text>\n",
            left - 4.0,
            top + at + 0.35 * font,
            left + at + 0.35 * font,
            top - 4.0
        );
    }
    for (i, p) in [1.0, 0.5, 0.1, 0.05, 0.01, 0.001, 0.0001].iter().enumerate() {
        let (x, y) = (12.0 + 56.0 * i as f64, top + side + 16.0);
        let _ = write!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"56\" height=\"14\" fill=\"{}\"/>\n<text x=\"{x:.1}\" y=\"{:.1}\" font-size=\"11\" \
             fill=\"#222222\">{p}</text>\n",
            colour(*p),
            y + 28.0
        );
    }
    out.push_str("</svg>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_the_darker() {
        assert_eq!((colour(1.0).as_str(), colour(1e-4).as_str()), ("#f7f7f2", "#08306b"));
        assert_eq!(colour(0.0), colour(1e-9));
        // Halfway by the logarithm: (247 + 8)/2, (247 + 48)/2, (242 + 107)/2.
        assert_eq!(colour(0.01), "#8094af");
    }
}
