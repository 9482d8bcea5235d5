//! Files and functions stay small enough to be read at once.

use super::source::{Source, body, is_name, sources, words};

/// Most lines of a file, its tests included.
const FILE: usize = 400;
/// Most lines of nine functions in ten, from `fn` to the closing brace.
const FUNCTION: usize = 20;

/// Lines of each function of a code.
fn functions(code: &str) -> Vec<usize> {
    let named =
        |at: &usize| code[at + 2..].starts_with(' ') && code.as_bytes().get(at + 3).copied().is_some_and(is_name);
    let blocks = words(code, "fn").filter(named).filter_map(|at| Some((at, body(code, at)?.1)));
    blocks.map(|(from, to)| code[from..to].lines().count()).collect()
}

/// The value that nine in ten do not exceed.
fn p90(mut values: Vec<usize>) -> usize {
    values.sort_unstable();
    values[(values.len() * 9).div_ceil(10) - 1]
}

#[test]
fn files_fit_on_a_few_screens() {
    let all: Vec<Source> = ["src", "build", "tests"].into_iter().flat_map(sources).collect();
    let long = all.iter().map(|source| (source.path.as_str(), source.text.lines().count()));
    let mut long: Vec<_> = long.filter(|(_, lines)| *lines > FILE).collect();
    long.sort_by_key(|(_, lines)| *lines);
    assert_eq!(long, [], "cut them where two things meet");
}

#[test]
fn nine_functions_in_ten_are_short() {
    let all = sources("src");
    let of = |code: fn(&Source) -> &str| p90(all.iter().flat_map(|source| functions(code(source))).collect());
    let (product, with_tests) = (of(|source| &source.product), of(|source| &source.code));
    println!("90 of 100 functions have at most {product} lines; with those of tests {with_tests}");
    assert!(product <= FUNCTION, "{product} lines");
}

#[test]
fn functions_are_measured_from_fn_to_the_brace() {
    let code = "trait A { fn a(&self); fn b(&self) { } }\nfn c(x: [u8; 3]) -> fn(u8) -> u8 {\n  fn d() {\n  }\n}\n";
    assert_eq!(functions(code), [1, 4, 2]);
    assert_eq!((p90(vec![1; 10]), p90((1..=10).collect()), p90((1..=20).collect())), (1, 9, 18));
}
