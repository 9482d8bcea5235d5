//! Counts instructions of the main calls under Callgrind and compares them with `instructions.txt`: a
//! guard against regressions that no other load on the machine can disturb. Making a key is not among
//! them, for the search for primes takes as long as chance wants.

use std::path::Path;
use std::process::Command;

use crate::http::Connection;
use crate::process::Target;
use crate::scene::{self, Call, Kind};

/// Calls that are not counted, so that everything that is done once has been done.
const WARM: usize = 50;
/// Calls that are counted.
const COUNTED: u64 = 300;
/// More instructions than this share of the known number is a regression.
const LIMIT: f64 = 1.25;
const KNOWN: &str = include_str!("instructions.txt");

/// Prints a table of the calls in `instructions.txt`.
///
/// # Panics
/// If a call needs more instructions than it may.
pub async fn guard() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("callgrind");
    let target = Target::start_counted(&out);
    let calls = scene::prepare(&target).await;
    println!("| call | instructions | known | ratio |\n|---|---:|---:|---:|");
    let mut worse = Vec::new();
    for line in KNOWN.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let (known, name) = line.split_once(' ').expect("a number and a name");
        let call = calls.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no call {name}"));
        let counted = count(&target, call, &out).await;
        #[expect(clippy::cast_precision_loss, reason = "a ratio")]
        let ratio = counted as f64 / known.parse::<u64>().expect("a number") as f64;
        println!("| {name} | {counted} | {known} | {ratio:.2} |");
        if ratio > LIMIT {
            worse.push(name);
        }
    }
    assert!(worse.is_empty(), "more instructions than {LIMIT} times the known number: {}", worse.join(", "));
}

async fn count(target: &Target, call: &Call, out: &Path) -> u64 {
    let Kind::Http(request) = &call.kind else { panic!("only HTTP calls are counted") };
    let mut connection = Connection::open(&target.address).await;
    let mut number = 0;
    let mut send = async |times| {
        for _ in 0..times {
            number += 1;
            let (status, answer) = connection.send(request, number).await;
            assert_eq!(status, 200, "{}: {}", call.name, String::from_utf8_lossy(&answer));
        }
    };
    send(WARM).await;
    control(target, &["--instr=on"]);
    control(target, &["--zero"]);
    send(usize::try_from(COUNTED).expect("a small number")).await;
    control(target, &["--dump"]);
    control(target, &["--instr=off"]);
    newest(out) / COUNTED
}

fn control(target: &Target, arguments: &[&str]) {
    let done = Command::new("callgrind_control").args(arguments).arg(target.pid().to_string()).output();
    let done = done.expect("callgrind_control comes with valgrind");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// The total of the newest dump, which is removed.
fn newest(out: &Path) -> u64 {
    let name = out.file_name().and_then(|n| n.to_str()).expect("a name");
    let files = std::fs::read_dir(out.parent().expect("a directory")).expect("the directory").flatten();
    let dumps: Vec<_> = files
        .map(|f| f.path())
        .filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with(name)))
        .collect();
    let mut totals = Vec::new();
    for dump in dumps {
        let text = std::fs::read_to_string(&dump).unwrap_or_default();
        let total = text.lines().find_map(|l| l.strip_prefix("totals: ").or_else(|| l.strip_prefix("summary: ")));
        totals.extend(total.and_then(|t| t.trim().parse::<u64>().ok()));
        let _ = std::fs::remove_file(dump);
    }
    totals.into_iter().max().expect("a dump with a total")
}
