//! How busy the database is, and what ends soon, for those who run the server.

use std::sync::Arc;

use sqlx::FromRow;

use super::counts::{Connections, Groups};
use super::sql::query;
use super::{Engine, Result, Store};
use crate::clock::Micros;

/// Credentials of one kind that are good and end soon.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct EndingRow {
    /// `app_key`, `machine_key` or `personal_access_token`.
    pub kind: String,
    /// Those that end within the shorter time.
    pub sooner: i64,
    /// Those that end within the longer one, the others among them.
    pub later: i64,
}

macro_rules! ending {
    ($kind:literal, $table:literal) => {
        concat!(
            "SELECT '",
            $kind,
            "' AS kind, CAST(COALESCE(SUM(CASE WHEN expires_at <= $2 THEN 1 ELSE 0 END), 0) AS BIGINT) AS sooner, \
             COUNT(*) AS later FROM ",
            $table,
            " WHERE expires_at > $1 AND expires_at <= $3 AND expires_at < 253402300799000000"
        )
    };
}
/// The last condition is that of the indexes, which hold nothing else.
pub(super) const ENDING: &str = concat!(
    ending!("app_key", "app_keys"),
    " UNION ALL ",
    ending!("machine_key", "machine_keys"),
    " UNION ALL ",
    ending!("personal_access_token", "personal_access_tokens")
);

impl Store {
    /// Connections for reading and for writing. A SQLite file has one writer.
    pub fn connections(&self) -> [Connections; 2] {
        let read = match &self.read {
            Engine::Pg(pool) => pool.level("read"),
            Engine::Lite(pool) => {
                let size = usize::try_from(pool.options().get_max_connections()).unwrap_or(usize::MAX);
                let open = usize::try_from(pool.size()).unwrap_or(usize::MAX);
                Connections { kind: "read", size, used: open.saturating_sub(pool.num_idle()), waiting: 0 }
            }
        };
        let write = match &self.write {
            Engine::Pg(writers) => writers.pool.level("write"),
            Engine::Lite(writer) => {
                Connections { kind: "write", size: 1, used: usize::from(writer.is_busy()), waiting: 0 }
            }
        };
        [read, write]
    }

    /// Commits of groups so far, and the units of work that they were for; none on PostgreSQL, which groups its own.
    pub fn groups(&self) -> Option<Arc<Groups>> {
        match &self.write {
            Engine::Pg(_) => None,
            Engine::Lite(writer) => Some(writer.groups()),
        }
    }

    /// Credentials that are good and end until a time, and until a later one.
    pub async fn ending(&self, now: Micros, sooner: Micros, later: Micros) -> Result<Vec<EndingRow>> {
        self.rows(&query!(ENDING; now, sooner, later)).await
    }
}
