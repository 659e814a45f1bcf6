//! The hashes that every machine must compute alike.

use crate::common::{command, succeeds};

/// Every plugin and both scenarios are among the hashes, and masking the C library's variants changes none of them. On an old processor, where
/// nothing is masked, and with the whole extent: `trader check determinism --machines`.
#[test]
fn every_plugin_is_hashed_and_the_c_library_does_not_matter() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = succeeds(folder.path(), &["check", "bits", "--short"]);
    let lines: Vec<(&str, &str)> = here.lines().filter_map(|l| l.split_once("  ")).collect();
    assert!(lines.iter().all(|(hash, _)| hash.len() == 64), "{here}");
    for scenario in ["default", "simulated"] {
        for part in ["ledger", "decisions", "summary"] {
            assert!(lines.iter().any(|(_, what)| *what == format!("{scenario}: {part}")), "{scenario} {part}:\n{here}");
        }
    }
    for (_, info) in tradewind_trader::catalogue::all() {
        let answers = lines.iter().find_map(|(_, what)| what.strip_prefix(&format!("{} (", info.id)));
        let count = answers.and_then(|a| a.split_once(' ')).and_then(|(n, _)| n.parse::<u64>().ok());
        assert!(count.is_some_and(|n| n >= 300), "{} says too little: {answers:?}", info.id);
    }
    let masked = command(folder.path())
        .args(["check", "bits", "--short"])
        .env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX,-AVX2,-FMA,-FMA4")
        .output()
        .expect("the program starts");
    assert_eq!(String::from_utf8_lossy(&masked.stdout), here);
}
