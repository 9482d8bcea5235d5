//! Recorded answers of the original, and how ours are compared with them.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

/// One recorded call.
#[derive(Deserialize)]
pub struct Recording {
    pub n: String,
    pub name: String,
    pub request: Request,
    pub response: Response,
}

#[derive(Deserialize)]
pub struct Request {
    pub method: String,
    pub path: String,
    #[serde(default)]
    pub headers: HashMap<String, String>,
    pub body: Option<String>,
}

#[derive(Deserialize)]
pub struct Response {
    pub status: u16,
    #[serde(default)]
    pub headers: HashMap<String, String>,
    pub body: String,
}

/// A call that the recordings leave out or that our server refuses on purpose: made so that what
/// follows finds the same state.
#[derive(Deserialize)]
pub struct Fill {
    pub before: String,
    pub method: String,
    pub path: String,
    #[serde(default)]
    pub headers: HashMap<String, String>,
    #[serde(default)]
    pub body: Option<Value>,
    #[serde(default)]
    pub bind: HashMap<String, String>,
}

/// A reviewed difference: which recordings, which place, why.
pub struct Difference {
    pub numbers: String,
    pub place: String,
    pub line: usize,
}

/// Names that earlier answers gave: `{project}` and so on.
#[derive(Default)]
pub struct Names(HashMap<String, String>);

impl Names {
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(format!("{{{name}}}"), value.to_owned());
    }

    /// Another recorded text for a name.
    pub fn alias(&mut self, recorded: &str, name: &str) {
        if let Some(value) = self.0.get(name).cloned() {
            self.0.insert(recorded.to_owned(), value);
        }
    }

    /// A text with all known names replaced.
    pub fn fill(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for (name, value) in &self.0 {
            out = out.replace(name, value);
        }
        out
    }

    /// Whether a recorded text and ours are the same; an unknown name takes our text.
    fn same(&mut self, recorded: &str, ours: &str) -> bool {
        match recorded {
            "{BASE64}" | "{PEM}" | "{TOKEN}" => return !ours.is_empty(),
            _ => {}
        }
        let whole = recorded.starts_with('{') && recorded.ends_with('}') && !recorded[1..].contains('{');
        if whole && !self.0.contains_key(recorded) {
            self.0.insert(recorded.to_owned(), ours.to_owned());
            return true;
        }
        if self.fill(recorded) == ours {
            return true;
        }
        let alike = both(recorded, ours, is_id) || both(recorded, ours, is_secret);
        if alike {
            // What follows may name it.
            self.0.entry(recorded.to_owned()).or_insert_with(|| ours.to_owned());
        }
        alike
    }
}

fn both(a: &str, b: &str, what: fn(&str) -> bool) -> bool {
    what(a) && what(b)
}

fn is_id(text: &str) -> bool {
    text.len() == 18 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_secret(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Members whose value is when something was done.
fn is_date(place: &str) -> bool {
    const DONE: [&str; 6] = ["creation", "change", "deletion", "removal", "set", "deactivation"];
    place.ends_with("viewTimestamp")
        || place.ends_with(".timestamp")
        || place.rsplit('.').next().and_then(|m| m.strip_suffix("Date")).is_some_and(|m| DONE.contains(&m))
}

/// Two times of what was done, or twice that nothing was.
fn same_time(a: &str, b: &str) -> bool {
    const NEVER: &str = "0001-";
    is_time(a) && is_time(b) && a.starts_with(NEVER) == b.starts_with(NEVER)
}

fn is_time(text: &str) -> bool {
    text.len() >= 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T'
}

/// A file of recordings with all that belongs to it.
pub struct Book {
    pub name: &'static str,
    /// In the order in which they were made.
    pub recordings: Vec<Recording>,
    pub fills: Vec<Fill>,
    pub differences: Vec<Difference>,
}

impl Book {
    /// The first recordings: projects, applications, keys, OAuth, HTTP.
    pub fn first() -> Self {
        let recordings = include_str!("../../golden/recorded.jsonl");
        let fills = include_str!("../../golden/fill.jsonl");
        Self::of("recorded", recordings, fills, include_str!("../../golden/differences.txt"))
    }

    /// The rest of version 1: administration, organizations, members, project grants, metadata, domains.
    pub fn wider() -> Self {
        let recordings = include_str!("../../golden/wider.jsonl");
        let fills = include_str!("../../golden/wider-fill.jsonl");
        Self::of("wider", recordings, fills, include_str!("../../golden/wider-differences.txt"))
    }

    /// The services of version 2.
    pub fn second() -> Self {
        let recordings = include_str!("../../golden/v2.jsonl");
        let fills = include_str!("../../golden/v2-fill.jsonl");
        Self::of("v2", recordings, fills, include_str!("../../golden/v2-differences.txt"))
    }

    fn of(name: &'static str, recordings: &str, fills: &str, reviewed: &str) -> Self {
        Self { name, recordings: lines(recordings), fills: lines(fills), differences: differences(reviewed) }
    }
}

fn lines<T: for<'de> Deserialize<'de>>(text: &str) -> Vec<T> {
    text.lines().filter(|l| !l.is_empty()).map(|l| serde_json::from_str(l).expect(l)).collect()
}

/// The reviewed differences: `numbers | place | reason`.
fn differences(text: &str) -> Vec<Difference> {
    let entry = |(at, line): (usize, &str)| {
        let parts: Vec<&str> = line.split(" | ").map(str::trim).collect();
        assert!(parts.len() == 3 && !parts[2].is_empty(), "line {}: numbers | place | reason", at + 1);
        Difference { numbers: parts[0].to_owned(), place: parts[1].to_owned(), line: at + 1 }
    };
    text.lines().enumerate().filter(|(_, l)| !l.is_empty() && !l.starts_with('#')).map(entry).collect()
}

/// What this server does not have: `method path | reason`. A path may end in `*`.
pub fn absent() -> Vec<(usize, String)> {
    let text = include_str!("../../golden/absent.txt");
    let entry = |(at, line): (usize, &str)| {
        let (call, reason) = line.split_once(" | ").unwrap_or_default();
        assert!(!call.is_empty() && !reason.is_empty(), "line {}: method path | reason", at + 1);
        (at + 1, call.to_owned())
    };
    text.lines().enumerate().filter(|(_, l)| !l.is_empty() && !l.starts_with('#')).map(entry).collect()
}

impl Request {
    /// Whether a line of [`absent`] means this call.
    pub fn is(&self, call: &str) -> bool {
        let this = format!("{} {}", self.method, self.path);
        call.strip_suffix('*').map_or(this == call, |start| this.starts_with(start))
    }
}

impl Difference {
    /// Whether it covers this difference of this recording. A place may end in `*`.
    pub fn covers(&self, n: &str, place: &str) -> bool {
        let number = self.numbers == "*" || self.numbers.split(' ').any(|part| part == n);
        let place = match self.place.strip_suffix('*') {
            Some(start) => place.starts_with(start),
            None => place == self.place,
        };
        number && place
    }
}

/// Places where `ours` differs from `recorded`, each with both values.
pub fn compare(recorded: &Value, ours: &Value, place: &str, names: &mut Names, out: &mut Vec<(String, String)>) {
    match (recorded, ours) {
        (Value::Object(a), Value::Object(b)) => {
            // Names stand in member names too: those of the claims about roles.
            let known: Vec<String> = a.keys().map(|key| names.fill(key)).collect();
            for ((key, left), filled) in a.iter().zip(&known) {
                match b.get(filled) {
                    Some(right) => compare(left, right, &format!("{place}.{key}"), names, out),
                    None => out.push((format!("{place}.{key} missing"), short(left))),
                }
            }
            for (key, right) in b.iter().filter(|(key, _)| !known.contains(key)) {
                out.push((format!("{place}.{key} added"), short(right)));
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                out.push((format!("{place} length"), format!("{} -> {}", a.len(), b.len())));
            }
            for (left, right) in a.iter().zip(b) {
                compare(left, right, &format!("{place}[]"), names, out);
            }
        }
        (Value::String(a), Value::String(b)) => {
            let same = if is_date(place) { same_time(a, b) } else { names.same(a, b) };
            if !same {
                out.push((place.to_owned(), format!("{a} -> {b}")));
            }
        }
        (Value::Number(a), Value::Number(b)) if is_moment(place) && near(a, b) => {}
        (a, b) if a == b => {}
        (a, b) => out.push((place.to_owned(), format!("{} -> {}", short(a), short(b)))),
    }
}

/// Members whose value is a time in seconds: that of the recording, or ours.
fn is_moment(place: &str) -> bool {
    ["exp", "iat", "nbf", "auth_time", "updated_at"].iter().any(|m| place.strip_prefix("body.") == Some(m))
}

fn near(a: &serde_json::Number, b: &serde_json::Number) -> bool {
    a.as_i64().zip(b.as_i64()).is_some_and(|(a, b)| a.abs_diff(b) < 60)
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(120).collect()
}
