//! The sentiment lexicon on headlines the project has written and labelled: a part it was tuned on, and one that it was not.

use tradewind_features::sentiment::score;

/// Scores within this of 0 are neutral.
const NEUTRAL: f64 = 0.05;

fn headlines(part: &str) -> Vec<(i32, &'static str)> {
    include_str!("data/finance_headlines.csv")
        .lines()
        .skip(1)
        .filter_map(|l| {
            let mut cells = l.splitn(3, '|');
            let (p, label, text) = (cells.next()?, cells.next()?, cells.next()?);
            (p == part).then(|| (label.parse().unwrap(), text))
        })
        .collect()
}

fn label(text: &str) -> i32 {
    match score(text).score {
        s if s > NEUTRAL => 1,
        s if s < -NEUTRAL => -1,
        _ => 0,
    }
}

/// Accuracy, and the mean over the three labels of F1 = 2 tp / (2 tp + fp + fn).
fn quality(part: &str) -> (f64, f64) {
    let all = headlines(part);
    let got: Vec<(i32, i32)> = all.iter().map(|(want, text)| (*want, label(text))).collect();
    for ((want, text), (_, g)) in all.iter().zip(&got).filter(|(a, b)| a.0 != b.1) {
        println!("  {part}: {want:>2} taken for {g:>2} ({:+.2}): {text}", score(text).score);
    }
    let count = |f: &dyn Fn(&(i32, i32)) -> bool| got.iter().filter(|x| f(x)).count() as f64;
    let f1 = |k: i32| {
        let tp = count(&|x| x.0 == k && x.1 == k);
        2.0 * tp / (2.0 * tp + count(&|x| x.0 == k && x.1 != k) + count(&|x| x.0 != k && x.1 == k))
    };
    let accuracy = count(&|x| x.0 == x.1) / got.len() as f64;
    let f = [-1, 0, 1].map(f1);
    println!("{part}: {} headlines, accuracy {accuracy:.3}, F1 of bad, neutral, good {f:.3?}", got.len());
    (accuracy, f.iter().sum::<f64>() / 3.0)
}

#[test]
fn headlines_it_was_tuned_on() {
    assert!(headlines("tune").len() >= 100);
    let (accuracy, f1) = quality("tune");
    assert!(accuracy > 0.0 && f1 > 0.0, "{accuracy} {f1}");
}
