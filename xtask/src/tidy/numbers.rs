//! What would make numbers depend on the processor or the C library: mathematical methods of floats, and dependencies that choose kernels.

use std::path::{Path, PathBuf};

use super::Findings;
use crate::manifest::tables;
use crate::source::{code_only, line_of, test_module};
use crate::util::{Problem, Res, has_ext, name, read, relative};

/// Methods of `f64` whose last bit the C library decides. IEEE 754 decides those of `sqrt`, `floor`, `mul_add` and the like.
const METHODS: [&str; 27] = [
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "cos", "cosh", "exp", "exp2", "exp_m1",
    "gamma", "hypot", "ln", "ln_1p", "ln_gamma", "log", "log2", "log10", "powf", "sin", "sin_cos", "sinh", "tan",
    "tanh",
];

/// Packages that must not be among the dependencies, with the reason.
const PACKAGES: [(&str, &str); 4] = [
    ("matrixmultiply", "chooses its kernels by processor: use nalgebra without `std`"),
    ("rustfft", "chooses its kernels by processor and takes sines from the C library: use numerics::fourier"),
    ("statrs", "calls the C library's functions: use numerics::math, normal and beta_distribution"),
    ("faer", "chooses its kernels by processor: use nalgebra without `std`"),
];

/// Checks the code of the crates and of the examples, tests apart, and the locked dependencies.
pub fn check(root: &Path, files: &[PathBuf], found: &mut Findings) -> Res {
    for path in files.iter().filter(|p| has_ext(p, "rs")) {
        let file = relative(root, path);
        let ours = file.starts_with("crates/") && file.contains("/src/") || file.starts_with("examples/");
        if ours && name(path) != "tests.rs" {
            let code = code_only(&read(path)?);
            calls(&file, &code[..test_module(&code)], found);
        }
    }
    let lock = root.join("Cargo.lock");
    if lock.is_file() {
        for t in tables(&read(&lock)?) {
            for (package, why) in PACKAGES.iter().filter(|(package, _)| t.text("name") == Some(package)) {
                found.problems.push(Problem::new("Cargo.lock", t.line, format!("depends on {package}, which {why}")));
            }
        }
    }
    Ok(())
}

fn calls(file: &str, code: &str, found: &mut Findings) {
    let word = |at: usize| -> &str {
        let rest = &code[at..];
        &rest[..rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len())]
    };
    let mut refuse = |at: usize, what: String| {
        let text = format!("{what}: the C library rounds otherwise on another processor; use numerics::math");
        found.problems.push(Problem::new(file, line_of(code, at), text));
    };
    for (at, _) in code.match_indices('.') {
        let method = word(at + 1);
        if METHODS.contains(&method) && code[at + 1 + method.len()..].starts_with('(') {
            refuse(at, format!("`.{method}(`"));
        }
    }
    for prefix in ["f64::", "f32::"] {
        for (at, _) in code.match_indices(prefix) {
            let function = word(at + prefix.len());
            if METHODS.contains(&function) {
                refuse(at, format!("`{prefix}{function}`"));
            }
        }
    }
    // The one module, and core-types, which may use no crate of this project.
    if file != "crates/numerics/src/math.rs" && !file.starts_with("crates/core-types/") {
        for (at, _) in code.match_indices("libm::") {
            let text = "names libm: numerics::math has its functions, so that there is one place to look at";
            found.problems.push(Problem::new(file, line_of(code, at), text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::findings;

    fn problems(file: &str, text: &str) -> Vec<String> {
        findings(&[(file, text)]).0.into_iter().filter(|p| p.starts_with(file)).collect()
    }

    #[test]
    fn methods_of_the_c_library_are_refused() {
        let cases = [
            ("//! X.\nfn f(x: f64) -> f64 {\n    x.exp()\n}\n", ":3: `.exp(`"),
            ("//! X.\nfn f(x: f64) -> f64 {\n    (1.0 + x)\n        .powf(0.3)\n}\n", ":4: `.powf(`"),
            ("//! X.\nfn f(x: &[f64]) {\n    x.iter().map(f64::ln)\n}\n", ":3: `f64::ln`"),
            ("//! X.\nfn f(x: f64) -> f64 {\n    libm::exp(x)\n}\n", ":3: names libm"),
        ];
        for (text, want) in cases {
            for file in ["crates/x/src/a.rs", "examples/a.rs"] {
                let found = problems(file, text);
                assert!(found.iter().any(|p| p.contains(want)), "{want}: {found:?}");
            }
        }
        let test = format!("//! X.\n#[cfg(test)]\nmod tests {{\n{}}}\n", cases[0].0);
        for (file, text) in [
            (
                "crates/x/src/a.rs",
                "//! X.\nfn f(x: f64) -> f64 {\n    // As x.exp().\n    math::exp(x).sqrt() + x.ln + x.exponent()\n}\n",
            ),
            ("crates/x/src/a.rs", &test),
            ("crates/x/src/plugins/b/tests.rs", cases[0].0),
            ("crates/x/tests/a.rs", cases[0].0),
            ("crates/core-types/src/a.rs", cases[3].0),
            ("crates/numerics/src/math.rs", cases[3].0),
        ] {
            assert_eq!(problems(file, text), Vec::<String>::new(), "{file}");
        }
    }

    #[test]
    fn packages_with_kernels_by_processor_are_refused() {
        let lock = "version = 4\n\n[[package]]\nname = \"libm\"\n\n[[package]]\nname = \"matrixmultiply\"\nversion = \"0.3\"\n";
        let found = problems("Cargo.lock", lock);
        assert!(found.len() == 1 && found[0].starts_with("Cargo.lock:6: depends on matrixmultiply"), "{found:?}");
    }
}
