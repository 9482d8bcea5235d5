//! How a statement reaches the database. Every statement of the store passes [`Executor::ask`]: the one place that
//! counts them, names them to whoever follows the log, and tries reads again.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use sqlx::postgres::{PgArguments, PgConnection, PgQueryResult, PgRow};
use sqlx::query::Query as Prepared;
use sqlx::sqlite::{SqliteConnection, SqliteQueryResult, SqliteRow};
use sqlx::{Either, Executor as _, FromRow, Postgres, SqliteExecutor, SqlitePool};
use tracing::Instrument as _;

use super::counts::{Counts, Statements};
use super::engine::{Dialect, Engine};
use super::error::is_broken;
use super::lease::Lease;
use super::pools::Pool;
use super::sql::Query;

/// What a row of either engine is made into.
pub(super) trait Row: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}

impl<T: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin> Row for T {}

/// Where a statement is executed.
pub(super) enum Place<'c> {
    /// On any connection of the readers.
    Readers(&'c Pool),
    /// On a connection in use.
    Lease(&'c mut Lease),
    /// On a connection of one's own.
    Server(&'c mut PgConnection),
    /// On any reader of a file.
    File(&'c SqlitePool),
    /// On the writer of a file, or a connection of one's own.
    Lite(&'c mut SqliteConnection),
}

impl<'c> From<&'c Engine<Pool, SqlitePool>> for Place<'c> {
    fn from(readers: &'c Engine<Pool, SqlitePool>) -> Self {
        match readers {
            Engine::Pg(pool) => Self::Readers(pool),
            Engine::Lite(pool) => Self::File(pool),
        }
    }
}

impl<'c> From<&'c mut Engine<PgConnection, SqliteConnection>> for Place<'c> {
    fn from(connection: &'c mut Engine<PgConnection, SqliteConnection>) -> Self {
        match connection {
            Engine::Pg(connection) => Self::Server(connection),
            Engine::Lite(connection) => Self::Lite(connection),
        }
    }
}

impl Place<'_> {
    fn dialect(&self) -> Dialect {
        match self {
            Self::Readers(_) | Self::Lease(_) | Self::Server(_) => Dialect::Pg,
            Self::File(_) | Self::Lite(_) => Dialect::Lite,
        }
    }
}

/// How much of what a statement finds is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Want {
    /// All of it.
    All,
    /// The first row.
    First,
}

/// What a statement gave.
pub(super) struct Given<R> {
    rows: Vec<R>,
    changed: u64,
}

/// What a statement gave, by engine.
pub(super) type Answer = Engine<Given<PgRow>, Given<SqliteRow>>;

impl Answer {
    /// All rows.
    pub fn rows<T: Row>(self) -> sqlx::Result<Vec<T>> {
        match self {
            Self::Pg(given) => given.rows.iter().map(T::from_row).collect(),
            Self::Lite(given) => given.rows.iter().map(T::from_row).collect(),
        }
    }

    /// The first row.
    pub fn row<T: Row>(self) -> sqlx::Result<Option<T>> {
        match self {
            Self::Pg(given) => given.rows.first().map(T::from_row).transpose(),
            Self::Lite(given) => given.rows.first().map(T::from_row).transpose(),
        }
    }

    /// How many rows were changed.
    pub fn changed(&self) -> u64 {
        match self {
            Self::Pg(given) => given.changed,
            Self::Lite(given) => given.changed,
        }
    }
}

/// Executes statements. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Executor(Arc<Counts>);

impl Executor {
    /// What has been counted.
    pub fn counts(&self) -> Statements {
        self.0.read()
    }

    /// Executes one statement.
    pub async fn ask(&self, place: impl Into<Place<'_>>, query: &Query<'_>, want: Want) -> sqlx::Result<Answer> {
        let place = place.into();
        self.0.run.add();
        // The text holds no values: they are bound.
        let span = tracing::debug_span!("statement", sql = query.text(place.dialect()));
        let answer = self.send(place, query, want).instrument(span).await;
        if answer.is_err() {
            self.0.failed.add();
        }
        answer
    }

    async fn send(&self, place: Place<'_>, query: &Query<'_>, want: Want) -> sqlx::Result<Answer> {
        match place {
            Place::Readers(pool) => self.read(pool, query, want).await.map(Engine::Pg),
            Place::Lease(lease) => {
                let query = query.pg()?;
                lease.ask(|c| on_server(c, query, want)).await.map(Engine::Pg)
            }
            Place::Server(connection) => on_server(connection, query.pg()?, want).await.map(Engine::Pg),
            Place::File(pool) => on_file(pool, query, want).await.map(Engine::Lite),
            Place::Lite(connection) => on_file(connection, query, want).await.map(Engine::Lite),
        }
    }

    /// Asks the server for something that changes nothing. If the connection breaks, it is asked again on another
    /// one, for which a server that restarts is waited for.
    async fn read(&self, pool: &Pool, query: &Query<'_>, want: Want) -> sqlx::Result<Given<PgRow>> {
        // The first connection breaks, the next one is refused, the server is back.
        for _ in 0..2 {
            match once(pool, query, want).await {
                Err(error) if is_broken(&error) => {
                    if !pool.back().await {
                        return Err(error);
                    }
                    self.0.retried.add();
                    tracing::debug!(%error, "a read is tried on another connection");
                }
                outcome => return outcome,
            }
        }
        once(pool, query, want).await
    }
}

async fn once(pool: &Pool, query: &Query<'_>, want: Want) -> sqlx::Result<Given<PgRow>> {
    let query = query.pg()?;
    pool.lease().await?.ask(|c| on_server(c, query, want)).await
}

fn on_server<'c>(
    connection: &'c mut PgConnection,
    query: Prepared<'static, Postgres, PgArguments>,
    want: Want,
) -> BoxFuture<'c, sqlx::Result<Given<PgRow>>> {
    Box::pin(async move {
        match want {
            Want::All => collect(connection.fetch_many(query), PgQueryResult::rows_affected).await,
            Want::First => connection.fetch_optional(query).await.map(first),
        }
    })
}

async fn on_file<'c>(
    connection: impl SqliteExecutor<'c>,
    query: &Query<'_>,
    want: Want,
) -> sqlx::Result<Given<SqliteRow>> {
    let query = query.lite()?;
    match want {
        Want::All => collect(connection.fetch_many(query), SqliteQueryResult::rows_affected).await,
        Want::First => connection.fetch_optional(query).await.map(first),
    }
}

fn first<R>(row: Option<R>) -> Given<R> {
    Given { rows: row.into_iter().collect(), changed: 0 }
}

async fn collect<D, R>(
    mut steps: BoxStream<'_, sqlx::Result<Either<D, R>>>,
    changed: fn(&D) -> u64,
) -> sqlx::Result<Given<R>> {
    let mut given = Given { rows: Vec::new(), changed: 0 };
    while let Some(step) = steps.try_next().await? {
        match step {
            Either::Left(done) => given.changed += changed(&done),
            Either::Right(row) => given.rows.push(row),
        }
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;

    use super::*;
    use crate::store::sql::query;

    async fn ask(executor: &Executor, file: &mut SqliteConnection, sql: &'static str, want: Want) -> Option<Answer> {
        executor.ask(Place::Lite(file), &query!(sql), want).await.ok()
    }

    #[tokio::test]
    async fn statements_give_rows_and_are_counted() {
        let mut file = SqliteConnection::connect("sqlite::memory:").await.expect("a database");
        let executor = Executor::default();
        assert!(ask(&executor, &mut file, "CREATE TABLE t (id BIGINT)", Want::All).await.is_some());
        let added = ask(&executor, &mut file, "INSERT INTO t VALUES (1), (2)", Want::All).await.expect("rows");
        assert_eq!(added.changed(), 2);
        let all = ask(&executor, &mut file, "SELECT id FROM t ORDER BY id", Want::All).await.expect("rows");
        assert_eq!(all.rows::<(i64,)>().expect("numbers"), [(1,), (2,)]);
        let first = ask(&executor, &mut file, "SELECT id FROM t ORDER BY id DESC", Want::First).await.expect("a row");
        assert_eq!(first.row::<(i64,)>().expect("a number"), Some((2,)));
        assert!(ask(&executor, &mut file, "SELECT id FROM nowhere", Want::All).await.is_none());
        assert_eq!(executor.counts(), Statements { run: 5, retried: 0, failed: 1 });
    }
}
