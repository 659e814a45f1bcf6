//! The statistics table: every figure with its convention.

use tradewind_numerics::performance::{
    Drawdown, Relative, Summary, annual_turnover, exposure, hit_rate, monthly_returns, payoff_ratio, profit_factor,
};

use crate::data::ReportData;
use crate::derive::{Derived, ordered, slippage_cost, value};
use crate::text::{UNDEFINED, dollars, number, percent, plain, plural};

/// A figure for each column.
pub(crate) struct Figure {
    pub label: &'static str,
    /// What it is and by which convention.
    pub help: String,
    pub cells: Vec<String>,
}

/// Figures that belong together.
pub(crate) struct Group {
    pub title: &'static str,
    pub columns: Vec<String>,
    pub figures: Vec<Figure>,
}

/// Depth of the deepest drawdown as a negative return; zero when wealth never fell.
fn depth(s: &Summary) -> Option<f64> {
    s.max_drawdown.map(|x| -x.depth).or_else(|| s.cumulative_return.map(|_| 0.0))
}

fn sessions(d: Option<Drawdown>) -> String {
    d.map_or_else(
        || UNDEFINED.into(),
        |d| format!("{}{}", number(d.duration as f64, 0), if d.recovery.is_none() { " +" } else { "" }),
    )
}

/// All groups, in the order of the page.
pub(crate) fn groups(data: &ReportData, d: &Derived) -> Vec<Group> {
    let mut out = absolute(d);
    if !d.benchmarks.is_empty() {
        out.push(relative(d));
    }
    out.extend(trading(data, d));
    out
}

fn absolute(d: &Derived) -> Vec<Group> {
    let lines: Vec<_> = std::iter::once(&d.strategy).chain(&d.benchmarks).collect();
    let columns: Vec<String> = lines.iter().map(|l| l.name.clone()).collect();
    let months: Vec<Vec<f64>> = lines
        .iter()
        .map(|l| monthly_returns(&d.return_months(), &l.returns).iter().map(|m| m.value).collect())
        .collect();
    let largest = |v: &Vec<f64>| v.iter().copied().reduce(f64::max);
    let smallest = |v: &Vec<f64>| v.iter().copied().reduce(f64::min);
    let figure = |label, help: &str, cell: &dyn Fn(&Summary) -> String| Figure {
        label,
        help: help.to_owned(),
        cells: lines.iter().map(|l| cell(&l.summary)).collect(),
    };
    let by_month = |label, help: &str, pick: &dyn Fn(&Vec<f64>) -> Option<f64>| Figure {
        label,
        help: help.to_owned(),
        cells: months.iter().map(|m| percent(pick(m))).collect(),
    };
    let p = number(d.periods, 0);
    let group = |title, figures| Group { title, columns: columns.clone(), figures };
    vec![
        group(
            "Return",
            vec![
                figure(
                    "Cumulative return",
                    "Product of (1 + r) over all sessions, less 1. Simple returns, after costs.",
                    &|s| percent(s.cumulative_return),
                ),
                figure(
                    "CAGR",
                    &format!("Compound annual growth rate: (product of (1 + r))^({p}/n) − 1, n sessions."),
                    &|s| percent(s.cagr),
                ),
                figure("Best session", "Largest return of one session.", &|s| percent(s.best)),
                figure("Worst session", "Smallest return of one session.", &|s| percent(s.worst)),
                by_month("Best month", "Largest compounded return of one calendar month.", &largest),
                by_month("Worst month", "Smallest compounded return of one calendar month.", &smallest),
                figure("Hit rate", "Sessions with a gain over sessions with a gain or a loss.", &|s| {
                    percent(s.hit_rate)
                }),
            ],
        ),
        group(
            "Risk",
            vec![
                figure(
                    "Volatility",
                    &format!("Sample standard deviation of session returns (n − 1) × √{p}."),
                    &|s| percent(s.annual_volatility),
                ),
                figure(
                    "Downside deviation",
                    &format!("√(mean of min(r − rf, 0)²) × √{p}; sessions above rf count as zero."),
                    &|s| percent(s.downside_deviation),
                ),
                figure(
                    "Maximum drawdown",
                    "Largest fall of equity below its highest value before, as a fraction of it.",
                    &|s| percent(depth(s)),
                ),
                figure(
                    "… its duration",
                    "Sessions from the peak to the recovery of that drawdown; with + while it has not recovered.",
                    &|s| sessions(s.max_drawdown),
                ),
                figure(
                    "Longest drawdown",
                    "Most sessions from a peak to its recovery; with + while not recovered.",
                    &|s| sessions(s.longest_drawdown),
                ),
                figure(
                    "VaR 95 %, 1 session",
                    "Minus the 5 % quantile of session returns, linearly interpolated.",
                    &|s| percent(s.value_at_risk_95),
                ),
                figure(
                    "ES 95 %, 1 session",
                    "Expected shortfall: minus the mean of the worst 5 % of session returns.",
                    &|s| percent(s.expected_shortfall_95),
                ),
            ],
        ),
        group(
            "Risk-adjusted & shape",
            vec![
                figure(
                    "Sharpe ratio",
                    &format!("Mean of r − rf over its sample standard deviation × √{p}."),
                    &|s| plain(s.sharpe),
                ),
                figure("Sortino ratio", &format!("Mean of r − rf × {p} over the downside deviation."), &|s| {
                    plain(s.sortino)
                }),
                figure("Calmar ratio", "CAGR over maximum drawdown, over the whole period.", &|s| plain(s.calmar)),
                figure("Profit factor", "Sum of the gains over the sum of the losses of all sessions.", &|s| {
                    plain(s.profit_factor)
                }),
                figure(
                    "Skewness",
                    "Third standardised moment (moments divided by n): negative when losses have the longer tail.",
                    &|s| plain(s.skewness),
                ),
                figure(
                    "Excess kurtosis",
                    "Fourth standardised moment less 3 (moments divided by n): 0 for a normal distribution.",
                    &|s| plain(s.excess_kurtosis),
                ),
                figure("Tail ratio", "|95 % quantile| over |5 % quantile| of session returns.", &|s| {
                    plain(s.tail_ratio)
                }),
            ],
        ),
    ]
}

fn relative(d: &Derived) -> Group {
    let p = number(d.periods, 0);
    let figure = |label, help: &str, cell: &dyn Fn(&Relative) -> String| Figure {
        label,
        help: help.to_owned(),
        cells: d.relative.iter().map(cell).collect(),
    };
    Group {
        title: "Strategy against",
        columns: d.benchmarks.iter().map(|b| b.name.clone()).collect(),
        figures: vec![
            figure("Beta", "Covariance with the benchmark over the variance of the benchmark.", &|r| plain(r.beta)),
            figure(
                "Alpha, annual",
                &format!("(1 + mean of r − rf − beta (b − rf))^{p} − 1 (Jensen 1968)."),
                &|r| percent(r.alpha),
            ),
            figure("Correlation", "Pearson's correlation of session returns.", &|r| plain(r.correlation)),
            figure("Tracking error", &format!("Sample standard deviation of r − b × √{p}."), &|r| {
                percent(r.tracking_error)
            }),
            figure(
                "Information ratio",
                &format!("Mean of r − b over its sample standard deviation × √{p}."),
                &|r| plain(r.information_ratio),
            ),
            figure(
                "Up capture",
                "Annualised growth over sessions in which the benchmark rose, over the benchmark's own.",
                &|r| percent(r.up_capture),
            ),
            figure(
                "Down capture",
                "Annualised growth over sessions in which the benchmark fell, over the benchmark's own.",
                &|r| percent(r.down_capture),
            ),
        ],
    }
}

fn trading(data: &ReportData, d: &Derived) -> [Group; 2] {
    let realised: Vec<f64> = data.trades.iter().filter_map(|t| t.realised).map(|c| c.to_f64()).collect();
    let traded: f64 = data.trades.iter().map(value).sum();
    let fees: f64 = data.trades.iter().map(|t| t.fill.fee.to_f64()).sum();
    let slippage: f64 = data.trades.iter().map(slippage_cost).sum();
    let mean_equity = tradewind_numerics::performance::mean(&d.strategy.level);
    let years = d.strategy.returns.len() as f64 / d.periods;
    let drag = mean_equity.map(|m| (fees + slippage) / m / years * 1e4).filter(|x| x.is_finite());
    let turnover = annual_turnover(traded, d.strategy.level.get(1..).unwrap_or_default(), d.periods);
    let e = d.gross.as_deref().zip(d.net.as_deref()).and_then(|(g, n)| exposure(g, n));
    let figure = |label, help: &str, cell: String| Figure { label, help: help.to_owned(), cells: vec![cell] };
    let fills = vec![
        figure("Fills", "Number of fills of orders.", number(ordered(&data.trades) as f64, 0)),
        figure("Turnover a year", "Half of everything bought and sold over mean equity, a year.", percent(turnover)),
        figure(
            "Hit rate of closing fills",
            "Fills that realised a gain over fills that realised a gain or a loss (before fees).",
            percent(hit_rate(&realised)),
        ),
        figure(
            "Profit factor of fills",
            "Sum of realised gains over sum of realised losses (before fees).",
            plain(profit_factor(&realised)),
        ),
        figure("Payoff ratio", "Mean realised gain over mean realised loss.", plain(payoff_ratio(&realised))),
    ];
    let mut figures = vec![
        figure("Fees", "Commissions and regulatory fees paid.", dollars(Some(fees))),
        figure(
            "Slippage",
            "Sum over fills of (price − reference price), signed so that worse is positive, × quantity.",
            dollars(Some(slippage)),
        ),
        figure(
            "Cost a year",
            "Fees and slippage over mean equity, a year, in basis points.",
            drag.map_or_else(|| UNDEFINED.into(), |x| format!("{} bp", number(x, 1))),
        ),
    ];
    if let Some(e) = e {
        figures.push(figure(
            "Mean exposure, gross",
            "Mean over sessions of the sum of the sizes of positions over equity.",
            percent(Some(e.mean_gross)),
        ));
        figures.push(figure(
            "Mean exposure, net",
            "Mean over sessions of longs less shorts over equity.",
            percent(Some(e.mean_net)),
        ));
        figures.push(figure(
            "Time in the market",
            "Share of sessions that end with a position.",
            percent(Some(e.time_in_market)),
        ));
    }
    let group = |title, figures| Group { title, columns: vec!["Strategy".into()], figures };
    [group("Trading", fills), group("Costs & exposure", figures)]
}

/// A headline figure: label, value, and what to compare it with.
pub(crate) struct Headline {
    pub label: &'static str,
    pub value: String,
    pub beside: String,
}

/// The headline figures.
pub(crate) fn headlines(d: &Derived) -> Vec<Headline> {
    let s = &d.strategy.summary;
    let against = |f: &dyn Fn(&Summary) -> String| {
        d.benchmarks.first().map_or_else(String::new, |b| format!("{} {}", b.name, f(&b.summary)))
    };
    let headline = |label, f: &dyn Fn(&Summary) -> String| Headline { label, value: f(s), beside: against(f) };
    let mut out = vec![
        headline("Cumulative return", &|s| percent(s.cumulative_return)),
        headline("CAGR", &|s| percent(s.cagr)),
        headline("Volatility", &|s| percent(s.annual_volatility)),
        headline("Sharpe ratio", &|s| plain(s.sharpe)),
        headline("Maximum drawdown", &|s| percent(depth(s))),
    ];
    match (d.relative.first(), d.benchmarks.first()) {
        (Some(r), Some(b)) => out.push(Headline {
            label: "Beta",
            value: plain(r.beta),
            beside: format!("to {}, alpha {}", b.name, percent(r.alpha)),
        }),
        _ => out.push(Headline {
            label: "Sessions",
            value: number(d.dates.len() as f64, 0),
            beside: plural(d.strategy.returns.len() as u64, "return"),
        }),
    }
    out
}
