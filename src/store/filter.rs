//! Text filters of lists. `LIKE` would fold case on one engine and not on the other and needs
//! escaping, so the same plain functions are used on both; searches without case go to the folded twin.

use super::builder::QueryBuilder;
use super::lists::living;
use super::sql::Sql;
use super::texts::{fold, json};
use crate::clock::Micros;

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

    /// The whole text, in whatever case.
    pub fn equal_in_any_case(value: &str) -> Self {
        Self::new(TextMatch::Equals, true, value)
    }

    /// Appends the condition on a column that has a folded twin beside it.
    pub(super) fn push<'a>(&'a self, query: &mut QueryBuilder<'a>, column: &'static str) {
        let folded = if self.ignore_case { "_folded" } else { "" };
        let value = self.value.as_str();
        if value.is_empty() && self.how != TextMatch::Equals {
            query.push("1 = 1");
            return;
        }
        match self.how {
            TextMatch::Equals => query.push(column).push(folded).push(" = ").bind(value),
            TextMatch::Starts => {
                query.push("substr(").push(column).push(folded);
                query.push(", 1, length(").bind(value).push(")) = ").bind(value)
            }
            TextMatch::Contains => {
                query.push("replace(").push(column).push(folded).push(", ").bind(value);
                query.push(", '') <> ").push(column).push(folded)
            }
            TextMatch::Ends => {
                query.push("length(").push(column).push(folded).push(") >= length(").bind(value);
                query.push(") AND substr(").push(column).push(folded);
                query.push(", length(").push(column).push(folded).push(") - length(").bind(value);
                query.push(") + 1) = ").bind(value)
            }
        };
    }
}

/// How a time is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeMatch {
    /// That very moment.
    At,
    /// Later.
    After,
    /// Then or later.
    From,
    /// Earlier.
    Before,
    /// Then or earlier.
    Until,
}

/// A condition on a time.
#[derive(Debug, Clone, Copy)]
pub struct TimeFilter {
    /// How it is compared.
    pub how: TimeMatch,
    /// With what.
    pub at: Micros,
}

impl TimeFilter {
    /// Appends the condition on a column.
    pub(super) fn push(self, query: &mut QueryBuilder<'_>, column: &'static str) {
        let how = match self.how {
            TimeMatch::At => " = ",
            TimeMatch::After => " > ",
            TimeMatch::From => " >= ",
            TimeMatch::Before => " < ",
            TimeMatch::Until => " <= ",
        };
        query.push(column).push(how).bind(self.at);
    }
}

/// Organizations and projects whose objects somebody may see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Within {
    /// Organizations, with all that is in them.
    pub orgs: Vec<String>,
    /// Single projects.
    pub projects: Vec<String>,
    /// Single project grants, for those who get them.
    pub grants: Vec<String>,
}

impl Within {
    /// Appends the condition that an object is in there, by the columns of its organization and, if it is in one, of
    /// its project.
    pub(super) fn push<'a>(
        &'a self,
        query: &mut QueryBuilder<'a>,
        org_column: &'static str,
        project_column: Option<&'static str>,
    ) {
        push_any_of(query.push("("), org_column, &self.orgs);
        if let Some(column) = project_column {
            push_any_of(query.push(" OR "), column, &self.projects);
        }
        query.push(")");
    }

    /// As [`Within::push`] for something of a project; whoever may see all of them is asked for nothing.
    pub(super) fn push_if_any<'a>(
        within: Option<&'a Self>,
        query: &mut QueryBuilder<'a>,
        org_column: &'static str,
        project_column: &'static str,
    ) {
        match within {
            Some(within) => within.push(query, org_column, Some(project_column)),
            None => drop(query.push("1 = 1")),
        }
    }

    /// Appends the condition that somebody sees a project grant `g`: both sides are there still, and the one that gives
    /// it or the one that gets it is in there; whoever may see all of them is asked for nothing more.
    pub(super) fn push_grant<'a>(within: Option<&'a Self>, query: &mut QueryBuilder<'a>) {
        query.push(concat!(living!("g"), " AND ", living!("g", "granted_org_id")));
        if let Some(within) = within {
            within.push(query.push(" AND ("), "g.org_id", Some("g.project_id"));
            push_any_of(query.push(" OR "), "g.granted_org_id", &within.orgs);
            push_any_of(query.push(" OR "), "g.id", &within.grants);
            query.push(")");
        }
    }
}

/// Whose users somebody sees: those of organizations, and itself.
#[derive(Debug, Clone, Copy)]
pub struct SeenBy<'a> {
    /// The organizations; none for all.
    pub within: Option<&'a Within>,
    /// Who it is.
    pub user_id: &'a str,
}

impl<'a> SeenBy<'a> {
    /// Appends the condition on the columns of the organization and of the user.
    pub(super) fn push(self, query: &mut QueryBuilder<'a>, org_column: &'static str, user_column: &'static str) {
        let Some(within) = self.within else {
            query.push("1 = 1");
            return;
        };
        query.push("(").push(user_column).push(" = ").bind(self.user_id);
        within.push(query.push(" OR "), org_column, None);
        query.push(")");
    }
}

/// The elements of a list of texts in JSON.
const EACH: Sql = Sql { pg: "SELECT json_array_elements_text(CAST(", lite: "SELECT value FROM json_each(" };
const EACH_END: Sql = Sql { pg: " AS json))", lite: ")" };

/// Appends the condition that a column is one of these values; of none, it never is.
pub(super) fn push_any_of(query: &mut QueryBuilder<'_>, column: &'static str, values: &[String]) {
    // One value for all, so that the text of the statement does not tell how many there are.
    query.push(column).push(" IN (").push(EACH).bind(json(values)).push(EACH_END).push(")");
}
