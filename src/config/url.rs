//! Rules for the database URL that nobody else would tell: it is read in such a way that no part of a
//! password can end up in what errors and logs show of it (host, user, database).

/// Parameters that the driver understands; it would log the value of any other.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Looks at a URL before the driver does.
///
/// # Errors
/// What is wrong with it, without any part of it that may be secret.
pub(super) fn check(url: &str) -> Result<(), String> {
    if let Some(rest) = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://")) {
        return postgres(rest);
    }
    let Some(path) = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) else {
        return if url.is_empty() { Ok(()) } else { Err("must begin with postgres:// or sqlite:".to_owned()) };
    };
    match path {
        "" => Err("names no file; write sqlite:<path>".to_owned()),
        ":memory:" => Err("must name a file: what is kept in memory would be lost at each stop".to_owned()),
        _ if path.contains('?') => Err("has no parameters for SQLite; write sqlite:<path>".to_owned()),
        _ => Ok(()),
    }
}

fn postgres(rest: &str) -> Result<(), String> {
    let (_, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if tail.contains(['@', '#']) {
        let text = "holds an @ or # behind the host; in user, password and parameters write special characters \
                    percent-encoded, such as %2F for / and %40 for @";
        return Err(text.to_owned());
    }
    let query = tail.split_once('?').map_or("", |(_, query)| query);
    for (name, _) in form_urlencoded::parse(query.as_bytes()) {
        if !PARAMETERS.contains(&&*name) && !name.starts_with("options[") {
            return Err(format!("has a parameter that is not known; known are {}", PARAMETERS.join(", ")));
        }
    }
    Ok(())
}
