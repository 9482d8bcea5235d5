//! Statements and their values, for both engines.

use std::borrow::Cow;

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, Database, Encode, Postgres, SqlStr, Sqlite, Type};

use super::engine::Dialect;

/// The text of a statement: the same for both engines, but for the few words that they say differently.
#[derive(Debug, Clone, Copy)]
pub struct Sql {
    /// For PostgreSQL.
    pub pg: &'static str,
    /// For SQLite.
    pub lite: &'static str,
}

impl Sql {
    /// One text for both.
    pub const fn of(text: &'static str) -> Self {
        Self { pg: text, lite: text }
    }

    /// The text for one of them.
    pub(super) const fn for_engine(self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Pg => self.pg,
            Dialect::Lite => self.lite,
        }
    }
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self::of(text)
    }
}

/// A query that locks the rows it finds until the transaction ends. SQLite has one writer and needs no word for it.
///
/// The lock is the one that lets others refer to the rows meanwhile. It must be asked for all rows of a join: of a
/// row that is not locked PostgreSQL gives what it was before the wait.
macro_rules! locking {
    ($($text:expr),+) => {
        $crate::store::sql::Sql { pg: concat!($($text),+, " FOR NO KEY UPDATE"), lite: concat!($($text),+) }
    };
}
pub(super) use locking;

/// As [`locking`], for rows that are going to be removed: nobody can refer to them any more. Asked for at the start,
/// so that nobody who keeps the row waits for what the remover holds.
macro_rules! ending {
    ($($text:expr),+) => {
        $crate::store::sql::Sql { pg: concat!($($text),+, " FOR UPDATE"), lite: concat!($($text),+) }
    };
}
pub(super) use ending;

/// A query that keeps the rows it finds from being removed until the transaction ends.
macro_rules! keeping {
    ($($text:expr),+) => {
        $crate::store::sql::Sql { pg: concat!($($text),+, " FOR KEY SHARE"), lite: concat!($($text),+) }
    };
}
pub(super) use keeping;

/// A value of a statement.
#[derive(Clone)]
pub enum Value<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// A text or nothing.
    MaybeText(Option<&'a str>),
    /// A number.
    Int(i64),
    /// Yes or no.
    Bool(bool),
    /// Bytes or nothing.
    Bytes(Option<&'a [u8]>),
}

impl std::fmt::Debug for Value<'_> {
    /// Values may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Value")
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::MaybeText(text)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(Some(bytes))
    }
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(bytes: Option<&'a [u8]>) -> Self {
        Self::Bytes(bytes)
    }
}

/// How many rows a statement must change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Exactly one; everything else is a defect, and nothing is written.
    One,
    /// As many as there are.
    Any,
}

/// A statement with its values.
#[derive(Debug)]
pub struct Query<'a> {
    text: Text,
    pub(super) values: Vec<Value<'a>>,
}

#[derive(Debug)]
enum Text {
    /// Constant; connections keep it prepared.
    Constant(Sql),
    /// Put together for the engine at hand.
    Built { text: SqlStr, kept: bool },
}

impl<'a> Query<'a> {
    /// A constant text with its values.
    pub(super) fn new(sql: impl Into<Sql>, values: Vec<Value<'a>>) -> Self {
        Self { text: Text::Constant(sql.into()), values }
    }

    /// A text that was put together, and whether connections keep it prepared.
    pub(super) fn built(text: SqlStr, kept: bool, values: Vec<Value<'a>>) -> Self {
        Self { text: Text::Built { text, kept }, values }
    }

    /// The text, which never holds a value.
    pub(super) fn text(&self, dialect: Dialect) -> &str {
        match &self.text {
            Text::Constant(sql) => sql.for_engine(dialect),
            Text::Built { text, .. } => text.as_str(),
        }
    }

    /// As PostgreSQL takes it.
    pub(super) fn pg(&self) -> sqlx::Result<sqlx::query::Query<'static, Postgres, PgArguments>> {
        let query = sqlx::query_with(self.sql_str(Dialect::Pg), self.arguments::<Postgres>()?);
        Ok(query.persistent(self.is_kept()))
    }

    /// As SQLite takes it.
    pub(super) fn lite(&self) -> sqlx::Result<sqlx::query::Query<'static, Sqlite, SqliteArguments>> {
        let query = sqlx::query_with(self.sql_str(Dialect::Lite), self.arguments::<Sqlite>()?);
        Ok(query.persistent(self.is_kept()))
    }

    fn sql_str(&self, dialect: Dialect) -> SqlStr {
        match &self.text {
            Text::Constant(sql) => SqlStr::from_static(sql.for_engine(dialect)),
            Text::Built { text, .. } => text.clone(),
        }
    }

    fn is_kept(&self) -> bool {
        matches!(self.text, Text::Constant(_) | Text::Built { kept: true, .. })
    }

    /// The values for either engine. The one place that knows how each is bound.
    fn arguments<DB>(&self) -> sqlx::Result<DB::Arguments>
    where
        DB: Database,
        DB::Arguments: Default,
        for<'v> &'v str: Encode<'v, DB> + Type<DB>,
        for<'v> Option<&'v str>: Encode<'v, DB> + Type<DB>,
        for<'v> Option<&'v [u8]>: Encode<'v, DB> + Type<DB>,
        for<'v> i64: Encode<'v, DB> + Type<DB>,
        for<'v> bool: Encode<'v, DB> + Type<DB>,
    {
        let mut arguments = DB::Arguments::default();
        for value in &self.values {
            match value {
                Value::Text(text) => arguments.add(&**text),
                Value::MaybeText(text) => arguments.add(*text),
                Value::Int(number) => arguments.add(*number),
                Value::Bool(yes) => arguments.add(*yes),
                Value::Bytes(bytes) => arguments.add(*bytes),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok(arguments)
    }
}

/// A statement that reads, with its values.
macro_rules! query {
    ($sql:expr $(; $($value:expr),* $(,)?)?) => {
        $crate::store::sql::Query::new($sql, vec![$($($crate::store::sql::Value::from($value)),*)?])
    };
}
pub(super) use query;

/// A statement that writes.
#[derive(Debug)]
pub struct Statement<'a> {
    pub(super) query: Query<'a>,
    pub(super) rows: Rows,
}

impl Statement<'_> {
    /// The same for as many rows as there are.
    #[must_use]
    pub fn any(self) -> Self {
        Self { rows: Rows::Any, ..self }
    }
}

/// A statement that writes, with its values; it must change exactly one row.
macro_rules! statement {
    ($sql:expr; $($value:expr),* $(,)?) => {
        $crate::store::sql::Statement {
            query: $crate::store::sql::query!($sql; $($value),*),
            rows: $crate::store::sql::Rows::One,
        }
    };
}
pub(super) use statement;
