//! Line charts as SVG, for the pictures of the documentation: `#[path = "support/svg.rs"] mod svg;` in an example.
//!
//! Panels stand below each other over one x axis. Missing values leave a gap. Where there are more points than pixels, each column of
//! pixels shows its lowest and highest value, so that no spike is lost.

use std::fmt::Write as _;

use tradewind_numerics::math;

/// One line of a panel, with a value (or a gap) for each position on the x axis.
pub struct Line<'a> {
    /// Shown in the panel's legend.
    pub name: &'a str,
    /// The values.
    pub values: Vec<Option<f64>>,
}

/// One panel: lines over a y axis of their own.
pub struct Panel<'a> {
    /// What is shown, with its unit.
    pub title: &'a str,
    /// The lines, drawn in this order.
    pub lines: Vec<Line<'a>>,
    /// Horizontal rules, such as thresholds.
    pub rules: Vec<f64>,
}

const WIDTH: f64 = 860.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 34.0;
const PANEL: f64 = 170.0;
const GAP: f64 = 30.0;
const BOTTOM: f64 = 26.0;
const COLOURS: [&str; 6] = ["#8a93a5", "#1f5fbf", "#c8501e", "#2c8a4b", "#8a3fa0", "#b08a00"];

/// Writes the panels to `file`; `labels` has a text (a date, say) for each position on the x axis.
///
/// # Errors
/// When the file cannot be written.
pub fn write(file: &str, title: &str, labels: &[String], panels: &[Panel<'_>]) -> std::io::Result<()> {
    std::fs::write(file, render(title, labels, panels))
}

fn render(title: &str, labels: &[String], panels: &[Panel<'_>]) -> String {
    let height = TOP + panels.len() as f64 * (PANEL + GAP) + BOTTOM;
    let mut s = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"11\" fill=\"#333\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n<text x=\"{LEFT}\" y=\"20\" font-size=\"14\" font-weight=\"bold\">{}</text>\n",
        escape(title)
    );
    let x = |i: usize| LEFT + (WIDTH - LEFT - RIGHT) * i as f64 / labels.len().saturating_sub(1).max(1) as f64;
    for (k, p) in panels.iter().enumerate() {
        panel(&mut s, p, TOP + GAP + k as f64 * (PANEL + GAP), &x);
    }
    // At most seven labels of the x axis, evenly spaced.
    let (n, marks) = (labels.len(), labels.len().min(7));
    for m in 0..marks {
        let i = if marks > 1 { m * (n - 1) / (marks - 1) } else { 0 };
        let anchor = ["start", "middle", "end"][usize::from(m > 0) + usize::from(m > 0 && m + 1 == marks)];
        let (px, py, text) = (x(i), height - 12.0, escape(&labels[i]));
        let _ = writeln!(s, "<text x=\"{px:.1}\" y=\"{py:.1}\" text-anchor=\"{anchor}\" fill=\"#666\">{text}</text>");
    }
    s.push_str("</svg>\n");
    s
}

fn panel(s: &mut String, p: &Panel<'_>, top: f64, x: &dyn Fn(usize) -> f64) {
    let shown = || p.lines.iter().flat_map(|l| l.values.iter().flatten()).chain(&p.rules).filter(|v| v.is_finite());
    let (mut low, mut high) = shown().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
    if low > high {
        (low, high) = (0.0, 1.0);
    }
    if high - low <= 1e-12 * high.abs() {
        (low, high) = (low - 1.0, high + 1.0);
    }
    let y = |v: f64| top + PANEL * (high - v) / (high - low);
    let right = WIDTH - RIGHT;
    for v in ticks(low, high) {
        let (py, below) = (y(v), y(v) + 4.0);
        let _ = writeln!(
            s,
            "<path d=\"M{LEFT} {py:.1}H{right}\" stroke=\"#e4e4e4\"/><text x=\"{:.1}\" y=\"{below:.1}\" text-anchor=\"end\" fill=\"#666\">{}</text>",
            LEFT - 6.0,
            number(v)
        );
    }
    for v in &p.rules {
        let _ = writeln!(s, "<path d=\"M{LEFT} {:.1}H{right}\" stroke=\"#999\" stroke-dasharray=\"4 3\"/>", y(*v));
    }
    let mut legend = LEFT + 7.0 * p.title.chars().count() as f64 + 16.0;
    let _ = writeln!(s, "<text x=\"{LEFT}\" y=\"{:.1}\" font-weight=\"bold\">{}</text>", top - 6.0, escape(p.title));
    for (line, colour) in p.lines.iter().zip(COLOURS.iter().cycle()) {
        let d = path(&line.values, x, &y);
        let _ = writeln!(s, "<path d=\"{d}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.2\"/>");
        let name = escape(line.name);
        let _ = writeln!(s, "<text x=\"{legend:.1}\" y=\"{:.1}\" fill=\"{colour}\">{name}</text>", top - 6.0);
        legend += 6.5 * line.name.chars().count() as f64 + 16.0;
    }
}

/// The path of a line: all points when they are few, else lowest and highest of each column of pixels.
fn path(values: &[Option<f64>], x: &dyn Fn(usize) -> f64, y: &dyn Fn(f64) -> f64) -> String {
    let every = values.len().div_ceil(WIDTH as usize).max(1);
    let mut d = String::new();
    let mut down = false;
    for (c, chunk) in values.chunks(every).enumerate() {
        let points = || chunk.iter().enumerate().filter_map(|(i, v)| v.filter(|v| v.is_finite()).map(|v| (i, v)));
        let extremes = [
            points().min_by(|a, b| a.1.total_cmp(&b.1)).map(|p| p.0),
            points().max_by(|a, b| a.1.total_cmp(&b.1)).map(|p| p.0),
        ];
        if points().next().is_none() {
            down = false;
        }
        for (i, v) in points().filter(|(i, _)| extremes.contains(&Some(*i))) {
            let _ = write!(d, "{}{:.1} {:.1}", if down { 'L' } else { 'M' }, x(c * every + i), y(v));
            down = true;
        }
    }
    d
}

/// Three to seven round numbers between `low` and `high`.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let raw = (high - low) / 6.0;
    let power = math::powf(10.0, math::log10(raw).floor());
    let step = power * [1.0, 2.0, 5.0, 10.0].into_iter().find(|m| m * power >= raw).unwrap_or(10.0);
    let first = (low / step - 1e-9).ceil() as i64;
    (first..).map(|k| k as f64 * step).take_while(|v| *v <= high + 1e-9 * step).take(12).collect()
}

/// A tick in at most some six characters.
fn number(v: f64) -> String {
    if v == 0.0 {
        return "0".into();
    }
    if !(1e-3..1e6).contains(&v.abs()) {
        return format!("{v:.1e}");
    }
    let text = format!("{v:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
