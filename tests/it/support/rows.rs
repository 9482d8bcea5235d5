//! What the tables hold, as text: one look at one moment, on both engines.

use sqlx::{Connection as _, Row as _};

use super::server::Database;

/// The database at one moment.
pub enum Snapshot {
    Lite(sqlx::SqliteConnection),
    Pg(sqlx::PgConnection),
}

impl Snapshot {
    /// Opens a connection that sees no later change.
    pub async fn open(database: &Database) -> Self {
        if let Some(path) = database.url.strip_prefix("sqlite:") {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
            let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("the database file");
            sqlx::query("BEGIN").execute(&mut connection).await.expect("a transaction");
            Self::Lite(connection)
        } else {
            let mut connection = sqlx::PgConnection::connect(&database.url).await.expect("the database");
            let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
            sqlx::query(begin).execute(&mut connection).await.expect("a transaction");
            Self::Pg(connection)
        }
    }

    /// All rows of a query whose columns are all texts; what is NULL is empty.
    pub async fn rows(&mut self, sql: &'static str) -> Vec<Vec<String>> {
        macro_rules! texts {
            ($rows:expr) => {
                $rows
                    .iter()
                    .map(|row| {
                        let text = |at: usize| row.get::<Option<String>, _>(at).unwrap_or_default();
                        (0..row.len()).map(text).collect()
                    })
                    .collect()
            };
        }
        match self {
            Self::Lite(c) => texts!(sqlx::query(sql).fetch_all(c).await.expect(sql)),
            Self::Pg(c) => texts!(sqlx::query(sql).fetch_all(c).await.expect(sql)),
        }
    }
}
