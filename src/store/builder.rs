//! Queries that are put together from what a caller asks for: constant pieces of text, and values, which are always
//! bound. No text of a caller can get in.

use std::fmt::Write as _;
use std::sync::Arc;

use sqlx::{SqlSafeStr as _, SqlStr};

use super::engine::Dialect;
use super::sql::{Query, Sql, Value};

/// Bytes of most texts.
const USUAL: usize = 1024;
/// Names of the first values: those of most queries. Each write puts one together.
const FIRST: [&str; 32] = [
    "$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9", "$10", "$11", "$12", "$13", "$14", "$15", "$16", "$17",
    "$18", "$19", "$20", "$21", "$22", "$23", "$24", "$25", "$26", "$27", "$28", "$29", "$30", "$31", "$32",
];

/// A query in the making.
#[derive(Debug)]
pub(super) struct QueryBuilder<'a> {
    dialect: Dialect,
    text: String,
    values: Vec<Value<'a>>,
}

impl<'a> QueryBuilder<'a> {
    /// A query that begins so.
    pub fn new(dialect: Dialect, begin: impl Into<Sql>) -> Self {
        Self::after(dialect, Vec::new(), begin)
    }

    /// A query that begins so, and will end with the text of a query with these values: they are `$1` and so on, and
    /// values that are bound here follow them.
    pub fn after(dialect: Dialect, values: Vec<Value<'a>>, begin: impl Into<Sql>) -> Self {
        let mut text = String::with_capacity(USUAL);
        text.push_str(begin.into().for_engine(dialect));
        Self { dialect, text, values }
    }

    /// Appends a piece of text.
    pub fn push(&mut self, text: impl Into<Sql>) -> &mut Self {
        self.text.push_str(text.into().for_engine(self.dialect));
        self
    }

    /// Appends the text of a whole query, which says `$1` for its first value.
    pub fn push_text(&mut self, query: &Query<'_>) -> &mut Self {
        self.text.push_str(query.text(self.dialect));
        self
    }

    /// Appends a value, as `$n`.
    pub fn bind(&mut self, value: impl Into<Value<'a>>) -> &mut Self {
        self.values.push(value.into());
        match FIRST.get(self.values.len() - 1) {
            Some(name) => self.text.push_str(name),
            // Writing to a text does not fail.
            None => drop(write!(self.text, "${}", self.values.len())),
        }
        self
    }

    /// Appends values with commas between, in brackets.
    pub fn bind_all(&mut self, values: impl IntoIterator<Item = Value<'a>>) -> &mut Self {
        for (at, value) in values.into_iter().enumerate() {
            self.push(if at == 0 { "(" } else { ", " }).bind(value);
        }
        self.push(")")
    }

    /// The query. Connections keep it prepared if it is `kept`; what callers put together themselves is not, for there
    /// are too many such texts.
    pub fn build(self, kept: bool) -> Query<'a> {
        Query::built(safe(self.text), kept, self.values)
    }
}

#[expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "made of constants only, see QueryBuilder::push"
)]
fn safe(text: String) -> SqlStr {
    use sqlx::AssertSqlSafe;
    AssertSqlSafe(Arc::<str>::from(text)).into_sql_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: Sql = Sql { pg: " pg ", lite: " lite " };

    #[test]
    fn values_are_numbered_and_never_part_of_the_text() {
        for (dialect, word) in [(Dialect::Pg, "pg"), (Dialect::Lite, "lite")] {
            let mut query = QueryBuilder::new(dialect, "SELECT ");
            query.bind("'; DROP").push(PIECE).bind(7).push(", ").bind_all(["a".into(), true.into()]);
            let query = query.build(false);
            assert_eq!(query.text(dialect), format!("SELECT $1 {word} $2, ($3, $4)"));
            assert_eq!(query.values.len(), 4);
        }
    }

    #[test]
    fn a_query_can_be_the_end_of_another_one() {
        let end = Query::new("DELETE FROM t WHERE id = $1", vec![7.into()]);
        let mut query = QueryBuilder::after(Dialect::Pg, end.values.clone(), "WITH a AS (SELECT ");
        query.bind("b").push(") ").push_text(&end);
        let query = query.build(true);
        assert_eq!(query.text(Dialect::Pg), "WITH a AS (SELECT $2) DELETE FROM t WHERE id = $1");
    }
}
