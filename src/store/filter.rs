//! Text filters of lists. `LIKE` would fold case on one engine and not on the other and needs
//! escaping, so the same plain functions are used on both; searches without case go to the folded twin.

use sqlx::{Database, Encode, QueryBuilder, Type};

/// How a text is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextMatch {
    /// The whole text.
    Equals,
    /// Its beginning.
    Starts,
    /// Anywhere in it.
    Contains,
    /// Its end.
    Ends,
}

/// A condition on a name.
#[derive(Debug, Clone)]
pub struct TextFilter {
    how: TextMatch,
    ignore_case: bool,
    value: String,
}

impl TextFilter {
    /// A condition; with `ignore_case` the value is folded as names are.
    pub fn new(how: TextMatch, ignore_case: bool, value: &str) -> Self {
        Self { how, ignore_case, value: if ignore_case { fold(value) } else { value.to_owned() } }
    }

    /// Appends the condition on a column that has a folded twin beside it.
    pub(super) fn push<DB>(&self, query: &mut QueryBuilder<DB>, column: &str)
    where
        DB: Database,
        String: for<'q> Encode<'q, DB> + Type<DB>,
    {
        let column = format!("{column}{}", if self.ignore_case { "_folded" } else { "" });
        if self.value.is_empty() && self.how != TextMatch::Equals {
            query.push("1 = 1");
            return;
        }
        match self.how {
            TextMatch::Equals => {
                query.push(format_args!("{column} = ")).push_bind(self.value.clone());
            }
            TextMatch::Starts => {
                query.push(format_args!("substr({column}, 1, length("));
                query.push_bind(self.value.clone()).push(")) = ").push_bind(self.value.clone());
            }
            TextMatch::Contains => {
                query.push(format_args!("replace({column}, ")).push_bind(self.value.clone());
                query.push(format_args!(", '') <> {column}"));
            }
            TextMatch::Ends => {
                query.push(format_args!("length({column}) >= length(")).push_bind(self.value.clone());
                query.push(format_args!(") AND substr({column}, length({column}) - length("));
                query.push_bind(self.value.clone()).push(") + 1) = ").push_bind(self.value.clone());
            }
        }
    }
}

/// Appends the condition that a column is one of these values; of none, it never is.
pub(super) fn push_any_of<DB>(query: &mut QueryBuilder<DB>, column: &str, values: &[String])
where
    DB: Database,
    String: for<'q> Encode<'q, DB> + Type<DB>,
{
    // One value for all, so that the text of the statement does not tell how many there are.
    let (before, after) = if DB::NAME == sqlx::Postgres::NAME {
        ("SELECT json_array_elements_text(CAST(", " AS json))")
    } else {
        ("SELECT value FROM json_each(", ")")
    };
    query.push(format_args!("{column} IN ({before}")).push_bind(super::json(values)).push(after).push(")");
}

/// Lower case as names are compared (contract 1.11); made in Rust so that both engines agree.
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}
