//! The schema: which one this program knows, and how a database gets it.

use std::time::Duration;

use sqlx::Connection as _;
use sqlx::migrate::{MigrateError, Migrator};

use super::sql::query;
use super::writer::Writer;
use super::{Engine, Result, Store, Target};

static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");
static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a migration waits for a server that does not listen.
const ACQUIRE: Duration = Duration::from_secs(5);

pub(super) const ORPHANS_REMOVED: &str = "DELETE FROM removed_orphans RETURNING what, row_count";

/// The newest schema that this program knows.
pub(super) fn newest_version(target: &Target) -> i64 {
    let migrations = match target {
        Target::Postgres(_) => &POSTGRES,
        Target::Sqlite(_) | Target::Memory => &SQLITE,
    };
    migrations.iter().map(|migration| migration.version).max().unwrap_or_default()
}

impl Store {
    /// Brings the schema up to date. Safe to run from several processes at once.
    ///
    /// # Errors
    /// [`super::StoreError::Migrate`] when the schema is newer than this program, or was changed by hand.
    pub async fn migrate(&self) -> Result<()> {
        match &self.write {
            Engine::Pg(_) => self.migrate_server().await?,
            Engine::Lite(writer) => migrate_file(writer).await?,
        }
        self.tell_orphans().await
    }

    /// Tells once what the last migration removed because it pointed nowhere.
    async fn tell_orphans(&self) -> Result<()> {
        let removed: Vec<(String, i64)> = self.alone_rows(&query!(ORPHANS_REMOVED)).await?;
        let removed: Vec<String> =
            removed.into_iter().filter(|(_, rows)| *rows > 0).map(|(what, rows)| format!("{rows} {what}")).collect();
        if !removed.is_empty() {
            tracing::warn!(removed = removed.join(", "), "removed rows that belonged to something that is gone");
        }
        Ok(())
    }

    /// Migrations may take long, and wait for those of another process: on a connection without deadlines.
    async fn migrate_server(&self) -> Result<()> {
        let Engine::Pg(link) = &self.state else { return Ok(()) };
        let mut connection = link.patient(ACQUIRE).await?;
        POSTGRES.run(&mut connection).await?;
        let _ = connection.close().await;
        Ok(())
    }
}

async fn migrate_file(writer: &Writer) -> Result<()> {
    let mut alone = writer.alone().await?;
    // PostgreSQL lets one process migrate at a time. On SQLite another one may overtake this one
    // between two looks; then its work is found done at the next.
    for _ in SQLITE.iter() {
        match SQLITE.run(alone.connection()?).await {
            Err(MigrateError::ExecuteMigration(..)) => {}
            outcome => return Ok(outcome?),
        }
    }
    Ok(SQLITE.run(alone.connection()?).await?)
}
