//! Who may know what: the floors of the house (`docs/ARCHITECTURE.md`), read in the sources.

use super::paths;
use super::source::{Source, body, name, sources, words};

/// What speaks of messages, HTTP or gRPC.
const WIRE: &[&str] = &[
    "axum",
    "buffa",
    "buffa_types",
    "connectrpc",
    "http",
    "http_body",
    "http_body_util",
    "hyper",
    "hyper_util",
    "tonic",
    "tower",
    "tower_http",
];

/// Where `sqlx` is named outside of the store, and why.
const SQLX: &[(&str, &str)] =
    &[("src/start.rs", "tells whoever starts a server what the code of a database error means for it")];

/// Where somebody acts on what is its own, by a right that no role gives, and why.
const OWN: &[(&str, &str)] =
    &[("src/service/oauth/revocation.rs", "a machine ends its own tokens: who holds a token may revoke it (RFC 7009)")];

/// Where the server itself acts for whoever starts it, and why.
const STARTED: &[(&str, &str)] =
    &[("src/seed/seeder.rs", "whoever starts a server, or may open its database, says what it is to have")];

/// Service functions for which nobody has to be admitted, and why.
const OPEN: &[(&str, &str)] = &[
    (
        "src/service/idempotency.rs",
        "stands around the functions that want somebody admitted, and changes nothing itself",
    ),
    ("src/service/oauth/", "clients prove themselves to these endpoints; there is no caller that could be admitted"),
    ("src/service/material.rs", "makes pairs for the functions that were called by somebody admitted"),
    ("src/service/setup.rs", "makes the first user, on an empty database"),
];

/// Who writes in the name of the server: nobody is admitted there.
const SERVER: &[(&str, &str)] = &[
    ("src/auth/signing.rs", "rotates the signing keys"),
    ("src/service/removal.rs", "empties what somebody admitted has removed, in that name"),
    ("src/service/setup.rs", "sets up an empty database"),
];

/// Texts that begin a transaction, one for each engine.
const BEGINS: [&str; 2] = ["src/store/pools.rs", "src/store/writer.rs"];

/// Who asks for one: the unit of work, and beneath it the writers of one engine.
const ASK: [&str; 2] = ["src/store/work.rs", "src/store/writers.rs"];

fn listed(list: &[(&str, &str)], path: &str) -> bool {
    list.iter().any(|(listed, _)| path.starts_with(listed))
}

/// Paths of a source that go through one of these crates, or these modules of ours.
fn through(source: &Source, crates: &[&str], ours: &[&str]) -> Vec<String> {
    let mut paths = paths::all(source);
    paths.retain(|path| match path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["crate", module, ..] => ours.contains(&module),
        [first, ..] => crates.contains(&first),
        [] => false,
    });
    paths.into_iter().map(|path| path.join("::")).collect()
}

#[test]
fn what_is_below_the_wire_knows_neither_messages_nor_http() {
    for (folder, above) in [
        ("src/service", &["proto", "api", "server"][..]),
        ("src/store", &["proto", "api", "server", "service", "auth"]),
        ("src/crypto", &["proto", "api", "server", "service", "auth", "store"]),
        ("src/auth", &["api", "server", "service", "seed"]),
        // Beside the wire, and no part of it.
        ("src/seed", &["proto", "api", "server"]),
    ] {
        for source in sources(folder) {
            assert_eq!(through(&source, WIRE, above), Vec::<String>::new(), "{} is below that", source.path);
        }
    }
}

#[test]
fn the_wire_writes_nothing() {
    for source in sources("src/api").into_iter().chain(sources("src/seed")) {
        let writes = [".work(", ".record("].into_iter().find(|verb| source.product.contains(verb));
        assert_eq!(writes, None, "{}: only services write", source.path);
    }
}

#[test]
fn sql_is_in_the_store_only() {
    let mut exceptions = Vec::new();
    for source in sources("src").into_iter().filter(|source| !source.path.starts_with("src/store/")) {
        let path = source.path.as_str();
        let sql: Vec<_> = source.texts.iter().filter(|text| is_sql(text)).collect();
        assert_eq!(sql, Vec::<&String>::new(), "{path}: statements belong into src/store");
        if !through(&source, &["sqlx"], &[]).is_empty() {
            assert!(listed(SQLX, path), "{path}: sqlx belongs into src/store");
            exceptions.push(path.to_owned());
        }
    }
    let wanted: Vec<_> = SQLX.iter().map(|(path, _)| *path).collect();
    assert_eq!(exceptions, wanted, "drop the exceptions that are none any more");
}

/// Whether a text is a statement of SQL, or the beginning of one.
fn is_sql(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        ["SELECT" | "PRAGMA" | "VACUUM" | "SAVEPOINT", _, ..]
        | ["INSERT" | "REPLACE", "INTO" | "OR", ..]
        | ["DELETE", "FROM", ..]
        | ["UPDATE", _, "SET", ..]
        | ["WITH", _, "AS", ..]
        | ["CREATE" | "ALTER" | "DROP", "TABLE" | "INDEX" | "UNIQUE" | "SCHEMA", ..]
        | ["BEGIN" | "COMMIT" | "ROLLBACK", ..] => true,
        _ => words.windows(2).any(|pair| matches!(pair, ["FROM" | "JOIN" | "WHERE", next] if is_lower(next))),
    }
}

fn is_lower(word: &str) -> bool {
    word.chars().next().is_some_and(|c| c.is_ascii_lowercase() || c == '$')
}

#[test]
fn who_is_admitted_is_said_by_auth_only() {
    let (mut own, mut started) = (Vec::new(), Vec::new());
    for source in sources("src") {
        let (path, code) = (source.path.as_str(), &source.product);
        let made: Vec<_> = words(code, "_made_here").map(|at| code[at..].lines().next().unwrap_or_default()).collect();
        if path == "src/auth/admitted.rs" {
            assert_eq!(made.len(), 2, "a private field, and the one place that makes it: {made:?}");
            assert!(code.contains("\n    _made_here: (),"), "the field is private, so the compiler refuses others");
            assert!(!source.text.contains("derive(Debug, Clone)]\npub struct Admitted"), "a proof is not copied");
            continue;
        }
        assert!(made.is_empty(), "{path}");
        let makes = |at: &usize| {
            let before = code[..*at].trim_end();
            code[at + 8..].trim_start().starts_with('{') && !before.ends_with("->") && !before.ends_with("impl")
        };
        assert_eq!(words(code, "Admitted").find(makes), None, "{path}: only src/auth/admitted.rs makes one");
        if paths::all(&source).iter().any(|path| path.ends_with(&["Admitted", "own"].map(str::to_owned))) {
            own.push(path.to_owned());
        }
        if paths::all(&source).iter().any(|path| path.ends_with(&["Admitted", "server"].map(str::to_owned))) {
            started.push(path.to_owned());
        }
        let caller = words(code, "Caller").any(|at| code[at + 6..].starts_with(" {") && !path.starts_with("src/auth/"));
        assert!(!caller, "{path}: only src/auth makes a caller");
    }
    assert_eq!(own, OWN.iter().map(|(path, _)| *path).collect::<Vec<_>>(), "who else needs no permission?");
    assert_eq!(started, STARTED.iter().map(|(path, _)| *path).collect::<Vec<_>>(), "who else is the server?");
}

#[test]
fn every_service_function_wants_an_admitted() {
    let mut count = 0;
    for source in sources("src/service").into_iter().filter(|source| !listed(OPEN, &source.path)) {
        for at in words(&source.product, "fn") {
            let Some((block, _)) = body(&source.product, at) else { continue };
            let head = &source.product[at..block];
            let line = source.product[..at].rsplit('\n').next().unwrap_or_default();
            if line.ends_with("pub async ") {
                let named = name(&head[2..]);
                let proof = head.contains("&Admitted") || head.contains("&Reach");
                assert!(proof, "{}: {named} acts for somebody: for whom?", source.path);
                count += 1;
            }
        }
    }
    assert!(count > 40, "the functions are found: {count}");
}

#[test]
fn whoever_writes_is_admitted_or_the_server() {
    for source in sources("src").into_iter().filter(|source| !source.path.starts_with("src/store/")) {
        for (at, _) in source.product.match_indices(".work(") {
            let actor = source.product[at + 6..].split(',').next().unwrap_or_default();
            let fine = ["who.actor()", "who.onlooker()"].contains(&actor) || listed(SERVER, &source.path);
            assert!(fine, "{}: a unit of work for {actor}", source.path);
        }
        let named = words(&source.product, "Actor").next().is_some();
        let may = listed(SERVER, &source.path) || source.path == "src/auth/admitted.rs";
        assert!(!named || may, "{}: actors come from those who are admitted", source.path);
    }
}

#[test]
fn transactions_begin_in_the_unit_of_work() {
    let (mut texts, mut asks) = (Vec::new(), Vec::new());
    for source in sources("src") {
        if source.texts.iter().any(|text| text.starts_with("BEGIN ") || text == "BEGIN") {
            texts.push(source.path.clone());
        }
        let code = source.product.replace(char::is_whitespace, "");
        for other in [".begin_with(", ".transaction(", "Transaction::begin"] {
            assert!(!code.contains(other), "{}: a transaction beside the unit of work", source.path);
        }
        if source.path.starts_with("src/store/")
            && ["writer.begin(", "writers.begin(", "pool.begin("].iter().any(|ask| code.contains(ask))
        {
            asks.push(source.path);
        }
    }
    assert_eq!(texts, BEGINS);
    assert_eq!(asks, ASK);
}

#[test]
fn statements_are_told_from_sentences() {
    for sql in
        ["SELECT 1", "UPDATE a SET b = 1", "WITH f AS (", " FROM apps a WHERE ", "BEGIN IMMEDIATE", "DELETE FROM a"]
    {
        assert!(is_sql(sql), "{sql}");
    }
    for sentence in
        ["select a key", "-----BEGIN RSA", "Select one", "DATABASE_URL must begin with", "SELECT", "a from b"]
    {
        assert!(!is_sql(sentence), "{sentence}");
    }
}
