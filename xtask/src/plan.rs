//! The plan: the 75 plugins of the project, each with its crate and the batch it is built in.

/// The crates that hold plugins.
pub const PLUGIN_CRATES: [&str; 8] = ["alpha", "risk", "features", "ml", "exec", "infra", "ux", "diag"];

/// One plugin of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// Its id.
    pub id: &'static str,
    /// Its crate's folder.
    pub krate: &'static str,
    /// Its batch, 0 to 8.
    pub batch: u8,
}

const fn p(id: &'static str, krate: &'static str, batch: u8) -> Planned {
    Planned { id, krate, batch }
}

/// Every planned plugin, batch by batch.
pub const PLAN: [Planned; 75] = [
    p("alpha_vix_regime", "alpha", 0),
    p("alpha_cross_asset_corr", "alpha", 0),
    p("alpha_vrp", "alpha", 0),
    p("risk_var_budget", "risk", 0),
    p("risk_drawdown_derisk", "risk", 0),
    p("risk_vol_target", "risk", 0),
    p("fe_garch", "features", 0),
    p("fe_entropy", "features", 0),
    p("alpha_google_trends", "alpha", 1),
    p("alpha_analyst_revisions", "alpha", 1),
    p("alpha_whisper_spread", "alpha", 1),
    p("alpha_coint_pairs", "alpha", 1),
    p("alpha_t_stat_threshold", "alpha", 1),
    p("risk_frac_kelly_atten", "risk", 2),
    p("risk_cvar_size", "risk", 2),
    p("risk_auto_hedge_ratio", "risk", 2),
    p("risk_time_decay_size", "risk", 2),
    p("risk_tracking_error", "risk", 2),
    p("fe_kalman", "features", 3),
    p("fe_fracdiff", "features", 3),
    p("fe_mini_pca", "features", 3),
    p("fe_wavelet", "features", 3),
    p("fe_price_news_div", "features", 3),
    p("fe_dollar_bars", "features", 3),
    p("ai_bandit_alloc", "ml", 4),
    p("ai_meta_labeling", "ml", 4),
    p("ai_online_sgd", "ml", 4),
    p("sl_bayes_update", "ml", 4),
    p("sl_perf_trigger", "ml", 4),
    p("ml_entropy_monitor", "ml", 4),
    p("ml_quantile_calibrator", "ml", 4),
    p("exec_batch_orders", "exec", 5),
    p("exec_moc", "exec", 5),
    p("extra_bidask_filter", "exec", 5),
    p("infra_psutil_health", "infra", 5),
    p("infra_checkpoint_restart", "infra", 5),
    p("infra_api_cache", "infra", 5),
    p("infra_broker_latency", "infra", 5),
    p("infra_heartbeat", "infra", 5),
    p("ux_ws_pnl_sse", "ux", 6),
    p("ux_strategy_pie", "ux", 6),
    p("ux_var_es_plot", "ux", 6),
    p("ux_signal_contrib", "ux", 6),
    p("ux_discord_cmds", "ux", 6),
    p("ux_pnl_drawdown_plot", "ux", 6),
    p("ux_log_level_ctrl", "ux", 6),
    p("diag_oos_decay_plot", "diag", 6),
    p("diag_slippage_report", "diag", 6),
    p("diag_param_sensitivity", "diag", 6),
    p("alpha_risk_reversal", "alpha", 7),
    p("alpha_etf_flow_div", "alpha", 7),
    p("alpha_micro_imbalance", "alpha", 7),
    p("alpha_vpin", "alpha", 7),
    p("alpha_position_agnostic", "alpha", 7),
    p("fe_vol_weighted_sent", "features", 7),
    p("fe_duckdb_store", "features", 7),
    p("ai_dtw_matcher", "ml", 7),
    p("ai_news_vectors", "ml", 8),
    p("ai_topic_clustering", "ml", 8),
    p("ai_shap_drift", "ml", 8),
    p("ml_shadow_ab", "ml", 8),
    p("sl_optuna_pruner", "ml", 8),
    p("ml_lgbm_quantize", "ml", 8),
    p("ml_onnx_runtime", "ml", 8),
    p("diag_cpcv_overfit", "diag", 8),
    p("diag_data_drift", "diag", 8),
    p("diag_sharpe_ci", "diag", 8),
    p("infra_apscheduler", "infra", 8),
    p("infra_pandera_validation", "infra", 8),
    p("infra_sqlite_txlog", "infra", 8),
    p("infra_config_hot_reload", "infra", 8),
    p("infra_dockerize", "infra", 8),
    p("risk_liquidity_hotspot", "risk", 8),
    p("risk_entropy_weights", "risk", 8),
    p("sl_fading_memory", "ml", 8),
];

/// The plugin with this id, if it is planned.
pub fn find(id: &str) -> Option<Planned> {
    PLAN.into_iter().find(|p| p.id == id)
}

/// The beginnings that ids of a crate have.
pub fn prefixes(krate: &str) -> &'static [&'static str] {
    match krate {
        "alpha" => &["alpha_"],
        "risk" => &["risk_"],
        "features" => &["fe_"],
        "ml" => &["ai_", "ml_", "sl_"],
        "exec" => &["exec_", "extra_"],
        "infra" => &["infra_"],
        "ux" => &["ux_"],
        "diag" => &["diag_"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_is_consistent() {
        let sizes: Vec<usize> = (0..=8).map(|b| PLAN.iter().filter(|p| p.batch == b).count()).collect();
        assert_eq!(sizes, [8, 5, 5, 6, 7, 8, 10, 8, 18]);
        let ids: std::collections::BTreeSet<_> = PLAN.iter().map(|p| p.id).collect();
        assert_eq!(ids.len(), PLAN.len());
        for p in PLAN {
            assert!(PLUGIN_CRATES.contains(&p.krate), "{p:?}");
            assert!(prefixes(p.krate).iter().any(|x| p.id.starts_with(x)), "{p:?}");
        }
    }
}
