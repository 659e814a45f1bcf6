//! risk_var_budget: streaming updates per second by method (window 504), and the decomposition of a portfolio of ten strategies.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tradewind_core_types::{Online, Params, testkit};
use tradewind_numerics::tail::{Measure, Parts, TailMethod, VarianceFilter};
use tradewind_risk::budget::within_budgets;
use tradewind_risk::plugins::risk_var_budget::{Filter, Method, RiskVarBudgetIn, RiskVarBudgetParams};

fn updates(c: &mut Criterion) {
    let inputs: Vec<_> = testkit::returns(1, 10_000).into_iter().map(|ret| RiskVarBudgetIn { ret }).collect();
    let mut group = c.benchmark_group("risk_var_budget");
    group.throughput(Throughput::Elements(inputs.len() as u64)).sample_size(10);
    for (name, method, filter) in [
        ("historical", Method::Historical, Filter::Ewma),
        ("normal", Method::Normal, Filter::Ewma),
        ("cornish_fisher", Method::CornishFisher, Filter::Ewma),
        ("filtered_ewma", Method::FilteredHistorical, Filter::Ewma),
        ("filtered_garch", Method::FilteredHistorical, Filter::Garch),
    ] {
        let params = RiskVarBudgetParams { method, filter, ..Default::default() };
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut var = params.build().expect("the parameters build");
                for x in &inputs {
                    let _ = black_box(var.update(x));
                }
            });
        });
    }
    group.finish();
}

fn budgets(c: &mut Criterion) {
    let values: Vec<f64> = (0..10).flat_map(|s| testkit::returns(s, 504)).collect();
    let method = TailMethod::Filtered(VarianceFilter::ewma(0.94));
    let measure = Measure { method, confidence: 0.95, bandwidth: 12 };
    let mut group = c.benchmark_group("risk_var_budget/ten strategies");
    for (name, budget) in [("within", 1.0), ("scaled", 0.001)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let parts = Parts { values: black_box(&values), n: 504 };
                within_budgets(parts, &[budget; 10], measure)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, updates, budgets);
criterion_main!(benches);
