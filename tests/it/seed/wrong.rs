//! Files that are refused: whole, with line, column and reason, and before anything is written.

use std::fmt::Write as _;
use std::os::unix::fs::symlink;

use serde_json::Value;

use super::{Place, SECRET};
use crate::startup::{has, names, printed};
use crate::support::server::Sql;

/// Files, and what is told of them. `Acme` and its project are there already.
const WRONG: &[(&str, &[&str])] = &[
    ("organizations: [", &[":1:", "this is no YAML"]),
    ("organisations: []", &[":1:1: organisations is no field here; is it organizations?"]),
    ("organizations: {}", &[":1:16: a list belongs here"]),
    ("organizations: [x]", &[":1:17: fields belong here"]),
    ("organizations: [{name: x}]", &[":1:17: id is missing"]),
    ("organizations: [{id: new}]", &[":1:22: there is no organization new yet: a new one needs a name"]),
    ("organizations: [{id: 'a b', name: x}]", &[":1:22: a b is no identifier: use letters"]),
    ("organizations: [{id: system, name: x}]", &["begin with neither . nor _"]),
    ("organizations: [{id: _mine, name: x}]", &["only _org, _project and _admin begin with _"]),
    ("organizations: [{id: _admin, name: x}]", &["only _org, _project and _admin begin with _"]),
    ("organizations: [{id: '999999999999999999', name: x}]", &["numbers like this are ids that the server gives"]),
    ("organizations: [{id: a, name: x}, {id: A, name: y}]", &[":1:40: the organization A is in line 1 already"]),
    ("organizations: [{id: a, name: x}, {id: b, name: X}]", &["the organization named X is in line 1 already"]),
    ("organizations:\n- id: a\n  id: b\n  name: x", &[":3:3: id is there twice"]),
    ("organizations: [{id: acme, state: off}]", &[":1:35: one of these belongs here: active, inactive"]),
    ("organizations: [{id: acme, domains: [{name: x, primary: yes}]}]", &["true or false belongs here"]),
    (
        "organizations: [{id: acme, domains: [{name: x, primary: true}, {name: y, primary: true}]}]",
        &["an organization has one primary domain"],
    ),
    ("organizations: [{id: acme, metadata: {x: ''}}]", &["of 1 to 500000 bytes belongs here"]),
    ("organizations: [{id: acme, metadata: {x: {base64: '%'}}}]", &["in base64"]),
    ("organizations: [{id: other, name: x, projects: [{id: shop}]}]", &["the project shop is in acme already"]),
    ("organizations: [{id: other, name: x, users: [{id: bot}]}]", &["the user bot is in acme already"]),
    ("organizations: [{id: acme, users: [{id: new}]}]", &["there is no user new yet: a new one needs a name"]),
    ("organizations: [{id: acme, users: [{id: u, name: u, secret: {value: short}}]}]", &["32 to 200"]),
    ("organizations: [{id: acme, users: [{id: u, name: u, secret: x}]}]", &["fields belong here"]),
    ("organizations: [{id: acme, users: [{id: u, name: u, secret: {}}]}]", &["one of value, file and env"]),
    ("organizations: [{id: acme, users: [{id: u, name: u, secret: {env: NOT_SET_AT_ALL}}]}]", &["no variable NOT_SET"]),
    ("organizations: [{id: acme, users: [{id: u, name: u, secret: {file: /dev/zero}}]}]", &["it is no file"]),
    ("organizations: [{id: acme, users: [{id: u, name: u, secret: {file: nothing}}]}]", &["cannot be read"]),
    ("organizations: [{id: acme, users: [{id: u, name: u, keys: [{id: k}]}]}]", &["needs public_key, or write: path"]),
    ("organizations: [{id: acme, users: [{id: u, name: u, tokens: [{id: k}]}]}]", &["a new one needs write: path"]),
    (
        "organizations: [{id: acme, users: [{id: u, name: u, tokens: [{id: k, write: x, kept: true}]}]}]",
        &["one of write and kept"],
    ),
    ("organizations: [{id: acme, users: [{id: u, name: u, keys: [{id: k, write: there}]}]}]", &["is there already"]),
    ("organizations: [{id: acme, users: [{id: u, name: u, keys: [{id: k, write: dangling}]}]}]", &["is there already"]),
    ("organizations: [{id: acme, users: [{id: u, name: u, keys: [{id: k, write: no/x}]}]}]", &["the directory"]),
    ("organizations: [{id: acme, users: [{id: u, name: u, keys: [{id: k, write: there/x}]}]}]", &["is no directory"]),
    ("organizations: [{id: acme, users: [{id: u, name: u, keys: [{id: k, write: x/}]}]}]", &["the path of a file"]),
    (
        "organizations: [{id: acme, users: [{id: u, name: u, keys: [{id: k, write: x}, {id: l, write: x}]}]}]",
        &["is written in line 1 already"],
    ),
    (
        "organizations: [{id: acme, users: [{id: u, name: u, keys: [{id: k, write: x, expires: 2001-01-01T00:00:00Z}]}]}]",
        &["it ends before it begins"],
    ),
    ("organizations: [{id: acme, users: [{id: u, name: u, keys: [{id: k, expires: soon}]}]}]", &["such as 2031-12-31"]),
    (
        "organizations: [{id: acme, users: [{id: bot, keys: [{id: bot-key, public_key: x}]}]}]",
        &["cannot be read: send"],
    ),
    (
        "organizations: [{id: acme, users: [{id: bot, keys: [{id: bot-key, public_key: {file: other.pem}}]}]}]",
        &["is another public key, which cannot change"],
    ),
    (
        "organizations: [{id: acme, users: [{id: bot, keys: [{id: bot-key, expires: 2050-01-01T00:00:00Z}]}]}]",
        &["ends at another time, which cannot change"],
    ),
    (
        "organizations: [{id: acme, users: [{id: u, name: u, keys: [{id: bot-key, public_key: {file: key.pem}}]}]}]",
        &["the key of a user bot-key is in bot already"],
    ),
    (
        "organizations: [{id: acme, projects: [{id: shop, apps: [{id: a, name: a}]}]}]",
        &["a new application is one of api and oidc"],
    ),
    (
        "organizations: [{id: acme, projects: [{id: shop, apps: [{id: api, api: {}, oidc: {}}]}]}]",
        &["one of api and oidc"],
    ),
    ("organizations: [{id: acme, projects: [{id: shop, apps: [{id: api, oidc: {}}]}]}]", &["of the other kind"]),
    ("organizations: [{id: acme, projects: [{id: shop, apps: [{id: api, client_id: x}]}]}]", &["another client id"]),
    (
        "organizations: [{id: acme, projects: [{id: shop, apps: [{id: api, keys: [{id: k, public_key: {file: key.pem}}]}]}]}]",
        &["takes keys with auth_method: private_key_jwt only"],
    ),
    (
        "organizations: [{id: acme, projects: [{id: shop, apps: [{id: a, name: a, api: {auth_method: private_key_jwt}, \
         secret: {value: 0123456789012345678901234567890123456789}}]}]}]",
        &["takes no secret"],
    ),
    (
        "organizations: [{id: acme, projects: [{id: shop, apps: [{id: a, name: a, oidc: {clock_skew: 9s}}]}]}]",
        &["0s to 5s"],
    ),
    (
        "organizations: [{id: acme, projects: [{id: shop, apps: [{id: a, name: a, oidc: {back_channel_logout_uri: \
         'http://127.0.0.1/'}}]}]}]",
        &["PROJECT-msNebo"],
    ),
    (
        "organizations: [{id: acme, projects: [{id: shop, apps: [{id: a, name: a, oidc: {login_uri: x}}]}]}]",
        &["login_uri is for login: v2"],
    ),
    (
        "organizations: [{id: acme, projects: [{id: shop, grants: [{organization: acme}]}]}]",
        &["other organizations only"],
    ),
    (
        "organizations: [{id: acme, projects: [{id: shop, grants: [{organization: no}]}]}]",
        &["there is no organization no"],
    ),
    (
        "organizations: [{id: o, name: o}, {id: acme, projects: [{id: shop, grants: [{organization: o, roles: [x]}]}]}]",
        &["the project shop has no role x"],
    ),
    ("organizations: [{id: acme, members: [{user: nobody, roles: [ORG_OWNER]}]}]", &["there is no user nobody"]),
    (
        "organizations: [{id: acme, members: [{user: bot, roles: [IAM_OWNER]}]}]",
        &["has roles, each once, of ORG_OWNER"],
    ),
    ("organizations: [{id: acme, members: [{user: bot}]}]", &["has roles, each once"]),
    ("members: [{user: bot, roles: [IAM_OWNER, IAM_OWNER]}]", &["each once"]),
    ("organizations: [{id: acme, user_grants: [{user: bot, project: no}]}]", &["there is no project no"]),
    ("organizations: [{id: acme, user_grants: [{user: bot, project: shop, roles: [a, a]}]}]", &["named twice"]),
    (
        "organizations: [{id: o, name: o, user_grants: [{user: bot, project: shop}]}]",
        &["of another organization and not granted to o"],
    ),
];

/// What is there before a wrong file comes.
const THERE: &str = "
organizations:
  - id: acme
    name: Acme
    users: [{id: bot, name: Bot, keys: [{id: bot-key, public_key: {file: key.pem}}]}]
    projects: [{id: shop, name: Shop, apps: [{id: api, name: API, api: {}}]}]
";

async fn there() -> Place {
    let place = Place::set_up().await;
    place.write("key.pem", super::PUBLIC_KEY);
    let other = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n\
                 6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n-----END PUBLIC KEY-----\n";
    place.write("other.pem", other);
    place.write("there", "mine");
    symlink("nowhere", place.path("dangling")).expect("a link");
    place.apply(&place.write("there.yaml", THERE));
    place
}

async fn events(place: &Place) -> i64 {
    Sql::connect(&place.database).await.count("SELECT count(*) FROM events").await
}

#[tokio::test]
async fn wrong_files_are_refused_with_line_and_reason_and_nothing_is_written() {
    let place = there().await;
    let (before, files) = (events(&place).await, names(place.dir.path()));
    let mut wrong = String::new();
    for (text, parts) in WRONG {
        let file = place.write("wrong.yaml", text);
        let output = place.run(&["seed", "apply"], &file);
        let told = printed(&output);
        let fine = output.status.code() == Some(1)
            && told.contains("nothing of it was written")
            && told.contains(&format!("{}:1:", file.display())) | text.contains('\n')
            && parts.iter().all(|part| told.contains(part));
        if !fine {
            let _ = writeln!(wrong, "{text}\n  wanted {parts:?}\n  told {told}");
        }
    }
    std::fs::remove_file(place.path("wrong.yaml")).expect("it was there");
    assert_eq!(wrong, "");
    assert_eq!(events(&place).await, before, "nothing was written");
    assert_eq!(names(place.dir.path()), files, "nor any file");
    assert_eq!(std::fs::read_to_string(place.path("there")).expect("a file"), "mine");
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once_and_no_secret_with_it() {
    let place = there().await;
    let text = "
organizations:
  - id: acme
    users:
      - {id: u, name: u, secret: {value: hunter2-hunter2-hunter2 hunter2-hunter2}}
      - {id: v, name: v, colour: red}
    projects:
      - {id: 'x y', name: x, state: gone}
      - {id: shop, apps: [{id: api, secret: {value: hunter2}}]}
";
    let file = place.write("wrong.yaml", text);
    for arguments in [&["seed", "apply"][..], &["seed", "diff"], &["serve", "--seed"]] {
        let output = place.run(arguments, &file);
        assert_eq!(output.status.code(), Some(1));
        let told = printed(&output);
        has(&told, &["wrong.yaml:5:34: a secret has 32 to 200", "wrong.yaml:6:26: colour", "wrong.yaml:8:37: one of"]);
        has(&told, &["wrong.yaml:9:45: a secret has"]);
        assert!(!told.contains("hunter2"), "{told}");
    }
    let many = format!("organizations: [{}]", "{id: 'a b'},".repeat(200));
    let told = printed(&place.run(&["seed", "apply"], &place.write("many.yaml", &many)));
    has(&told, &["and 349 more"]);
}

#[tokio::test]
async fn a_start_with_a_wrong_file_makes_nothing() {
    let place = Place::fresh().await;
    for text in [
        "organizations: [{id: a}]",
        "nonsense",
        "organizations: [{id: a, name: a, members: [{user: who, roles: [ORG_OWNER]}]}]",
        "organizations: [{id: a, name: a, users: [{id: u, name: u, tokens: [{id: t, write: no/x}]}]}]",
    ] {
        let file = place.write("seed.yaml", text);
        let output = place.run(&["serve", "--seed"], &file);
        assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
        has(&printed(&output), &["the seed file cannot be used", "seed.yaml:1:"]);
        assert!(!place.database.token_file().exists(), "{text}: not set up");
    }
    let output = place.run(&["serve", "--seed"], &place.path("missing.yaml"));
    has(&printed(&output), &["missing.yaml:1:1: the file cannot be read"]);
    let good =
        place.write("seed.yaml", "organizations: [{id: a, name: a, members: [{user: _admin, roles: [ORG_OWNER]}]}]");
    place.serve(&["--seed", &good.display().to_string()]).stop();
}

/// What only the database can tell is told on the way, and applying again goes on from there.
#[tokio::test]
async fn a_name_that_another_organization_has_is_told_with_its_line() {
    let place = there().await;
    let text = "organizations:\n  - {id: first, name: First}\n  - {id: second, name: acme}\n";
    let file = place.write("seed.yaml", text);
    let output = place.run(&["seed", "apply"], &file);
    assert_eq!(output.status.code(), Some(1));
    has(&printed(&output), &["in part only", "seed.yaml:3:5: organization second", "already taken"]);
    place.write("seed.yaml", &text.replace("name: acme", "name: Second"));
    assert_eq!(place.apply(&file).trim(), "+ organization second");
}

/// At every level of logging, and in no output.
#[tokio::test]
async fn secrets_are_told_nowhere() {
    let place = Place::fresh().await;
    let file = place.write("seed.yaml", &super::example()).display().to_string();
    let mut command = place.command(&["serve", "--seed", &file]);
    command.env("CLAVIGER_LOG_LEVEL", "trace").stderr(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().expect("its output"));
    // Its error output is drained meanwhile, so that it does not wait for a reader.
    let mut err = child.stderr.take().expect("its errors");
    let log = std::thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut err, &mut text).map(|_| text)
    });
    std::io::BufRead::read_line(&mut out, &mut line).expect("a line");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let log = log.join().expect("a log").expect("text");
    assert!(log.len() > 10_000, "much is told: {}", log.len());
    let token = std::fs::read_to_string(place.path("deployer-token.txt")).expect("a token");
    let key: Value =
        serde_json::from_slice(&std::fs::read(place.path("deployer-key.json")).expect("a key")).expect("JSON");
    let key = key["key"].as_str().expect("PEM").lines().nth(3).expect("a line").to_owned();
    for secret in [SECRET.1, "an-example-of-32-characters-or-so", token.trim(), &key] {
        assert!(!log.contains(secret) && !line.contains(secret), "a secret is in the log");
    }
}
