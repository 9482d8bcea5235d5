//! How a statement reaches PostgreSQL: each that reads by a connection of the readers' pool, each that
//! writes by the one of its transaction. This is the one place where statements get their deadline, and
//! reads their second attempt.

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use sqlx::postgres::{PgArguments, PgConnection, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Describe, Either, Error, Execute, Executor, Postgres, SqlStr};

use super::pools::{Lease, Pool};

/// A row, or the end of a statement.
type Step = Either<PgQueryResult, PgRow>;

/// A statement that can be sent more than once.
#[derive(Clone)]
struct Statement {
    sql: SqlStr,
    arguments: Option<PgArguments>,
    persistent: bool,
}

impl Statement {
    fn new<'q>(mut query: impl Execute<'q, Postgres> + 'q) -> sqlx::Result<Self> {
        let arguments = query.take_arguments().map_err(Error::Encode)?;
        let persistent = query.persistent();
        Ok(Self { sql: query.sql(), arguments, persistent })
    }

    fn all(self, connection: &mut PgConnection) -> BoxFuture<'_, sqlx::Result<Vec<Step>>> {
        connection.fetch_many(self).try_collect().boxed()
    }

    fn first(self, connection: &mut PgConnection) -> BoxFuture<'_, sqlx::Result<Option<PgRow>>> {
        connection.fetch_optional(self)
    }
}

impl Execute<'_, Postgres> for Statement {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&PgStatement> {
        None
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, sqlx::error::BoxDynError> {
        Ok(self.arguments.take())
    }

    fn persistent(&self) -> bool {
        self.persistent
    }
}

/// The steps of a statement that has ended, one after the other.
fn steps<'e>(asked: impl Future<Output = sqlx::Result<Vec<Step>>> + Send + 'e) -> BoxStream<'e, sqlx::Result<Step>> {
    stream::once(asked).map_ok(|steps| stream::iter(steps.into_iter().map(Ok))).try_flatten().boxed()
}

fn prepare(
    connection: &mut PgConnection,
    sql: SqlStr,
    types: Vec<PgTypeInfo>,
) -> BoxFuture<'_, sqlx::Result<PgStatement>> {
    Box::pin(async move { connection.prepare_with(sql, &types).await })
}

impl<'p> Executor<'p> for &'p Pool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<Step>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let statement = Statement::new(query);
        steps(async move {
            let statement = statement?;
            self.read(|c| statement.clone().all(c)).await
        })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let statement = Statement::new(query);
        Box::pin(async move {
            let statement = statement?;
            self.read(|c| statement.clone().first(c)).await
        })
    }

    fn prepare_with<'e>(self, sql: SqlStr, types: &'e [PgTypeInfo]) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'p: 'e,
    {
        Box::pin(self.read(move |c| prepare(c, sql.clone(), types.to_vec())))
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Postgres>>>
    where
        'p: 'e,
    {
        Box::pin(self.read(move |c| c.describe(sql.clone())))
    }
}

impl<'c> Executor<'c> for &'c mut Lease {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<Step>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let statement = Statement::new(query);
        steps(async move {
            let statement = statement?;
            self.ask(|c| statement.all(c)).await
        })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let statement = Statement::new(query);
        Box::pin(async move {
            let statement = statement?;
            self.ask(|c| statement.first(c)).await
        })
    }

    fn prepare_with<'e>(self, sql: SqlStr, types: &'e [PgTypeInfo]) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'c: 'e,
    {
        Box::pin(self.ask(move |c| prepare(c, sql, types.to_vec())))
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Postgres>>>
    where
        'c: 'e,
    {
        Box::pin(self.ask(move |c| c.describe(sql)))
    }
}
