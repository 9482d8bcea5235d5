//! Where the data lives.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// Where the data lives.
#[derive(Clone)]
pub enum Target {
    /// A PostgreSQL server.
    Postgres(Box<PgConnectOptions>),
    /// A SQLite file.
    Sqlite(PathBuf),
    /// The memory of this process: a SQLite database that goes with it.
    Memory,
}

impl Target {
    /// The database as people know it, without what may be secret.
    pub fn place(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("the SQLite database {}", path.display()),
            Self::Memory => "the database in memory".to_owned(),
            Self::Postgres(options) => match options.get_socket() {
                Some(socket) => format!("PostgreSQL at the socket {}", socket.display()),
                None => format!("PostgreSQL at {}:{}", options.get_host(), options.get_port()),
            },
        }
    }
}

impl std::fmt::Debug for Target {
    /// Without what may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Target({})", self.place())
    }
}

/// Reads `DATABASE_URL`; none or an empty one means SQLite in the data directory.
///
/// # Errors
/// The URL is neither `postgres://…` nor `sqlite:…`, or malformed. The text never repeats the URL,
/// which may hold a password.
pub fn target_of(url: Option<&str>, data_dir: &Path) -> std::result::Result<Target, String> {
    match url.filter(|u| !u.is_empty()) {
        None => Ok(Target::Sqlite(data_dir.join("claviger.db"))),
        Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            PgConnectOptions::from_str(url)
                .map(|o| Target::Postgres(Box::new(strict(o).application_name("claviger"))))
                .map_err(|_| "DATABASE_URL is not a valid postgres:// URL".to_owned())
        }
        Some(url) => url
            .strip_prefix("sqlite://")
            .or_else(|| url.strip_prefix("sqlite:"))
            .filter(|path| !path.is_empty())
            .map(|path| Target::Sqlite(PathBuf::from(path)))
            .ok_or_else(|| "DATABASE_URL must begin with postgres:// or sqlite:".to_owned()),
    }
}

/// `verify-ca` checks the name of the server too. The driver trusts public authorities beside the root certificate of
/// the URL, so that without the name anybody's certificate for anything would do (ADR 19).
fn strict(options: PgConnectOptions) -> PgConnectOptions {
    match options.get_ssl_mode() {
        PgSslMode::VerifyCa => options.ssl_mode(PgSslMode::VerifyFull),
        _ => options,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_never_trusted_without_its_name() {
        for (asked, meant) in [("verify-ca", "VerifyFull"), ("verify-full", "VerifyFull"), ("require", "Require")] {
            let url = format!("postgres://u@h/d?sslmode={asked}");
            let Ok(Target::Postgres(options)) = target_of(Some(&url), Path::new("")) else { panic!("{url}") };
            assert_eq!(format!("{:?}", options.get_ssl_mode()), meant);
        }
    }
}
