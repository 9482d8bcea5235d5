//! Applications and their keys over all organizations: by id alone, and in lists.

use sqlx::FromRow;

use super::apps::columns;
use super::builder::QueryBuilder;
use super::lists::living;
use super::lists::paged_everywhere;
use super::sql::query;
use super::{AppKind, AppRow, CredentialRow, Listed, Page, Result, Store, TextFilter, Within};

/// Something of a project, and where it is.
#[derive(Debug, Clone, FromRow)]
pub struct Placed<T> {
    /// Organization.
    pub org_id: String,
    /// Project.
    pub project_id: String,
    /// What it is.
    #[sqlx(flatten)]
    pub row: T,
}

/// A key, and whose it is.
#[derive(Debug, Clone, FromRow)]
pub struct AppKeyRow {
    /// The application.
    pub app_id: String,
    /// The key.
    #[sqlx(flatten)]
    pub key: CredentialRow,
}

/// A condition on an application.
#[derive(Debug, Clone)]
pub enum AppFilter {
    /// On its project.
    Project(String),
    /// On its name.
    Name(TextFilter),
    /// The number of its state.
    State(i64),
    /// On what it is.
    Kind(AppKind),
    /// On its client id.
    Client(String),
    /// On what no application has, such as a SAML entity.
    Nothing,
}

/// By what a list of applications is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppOrder {
    /// Identifier.
    Id,
    /// Name.
    Name,
    /// State.
    State,
    /// Time of the first event.
    Created,
    /// Time of the last event.
    Changed,
}

/// A condition on a key.
#[derive(Debug, Clone)]
pub enum AppKeyFilter {
    /// On its application.
    App(String),
    /// On its project.
    Project(String),
    /// On its organization.
    Org(String),
}

/// By what a list of keys is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppKeyOrder {
    /// Identifier.
    Id,
    /// Project.
    Project,
    /// Application.
    App,
    /// Time of its making.
    Created,
    /// Organization.
    Org,
    /// When it ends.
    Expires,
}

impl AppOrder {
    fn column(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::State => "state",
            Self::Created => "created_at",
            Self::Changed => "changed_at",
        }
    }
}

impl AppKeyOrder {
    fn column(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Project => "project_id",
            Self::App => "app_id",
            Self::Created => "created_at",
            Self::Org => "org_id",
            Self::Expires => "expires_at",
        }
    }
}

macro_rules! keys {
    ($rest:literal) => {
        concat!(
            "SELECT k.org_id, k.project_id, k.app_id, k.id, k.expires_at, k.sequence, k.created_at, k.last_used_at \
             FROM app_keys k \
             JOIN apps a ON a.org_id = k.org_id AND a.project_id = k.project_id AND a.id = k.app_id \
             WHERE ",
            living!("k"),
            " AND ",
            $rest
        )
    };
}

pub(super) const APP_ANYWHERE: &str =
    concat!("SELECT a.org_id, a.project_id, ", columns!(), " FROM apps a WHERE ", living!("a"), " AND a.id = $1");
pub(super) const APP_KEY_ANYWHERE: &str = keys!("k.id = $1 AND a.takes_keys");

impl Store {
    /// An application, in whichever organization.
    pub async fn app_anywhere(&self, id: &str) -> Result<Option<Placed<AppRow>>> {
        self.row(&query!(APP_ANYWHERE; id)).await
    }

    /// A key of an application that takes keys at present, in whichever organization.
    pub async fn app_key_anywhere(&self, id: &str) -> Result<Option<Placed<AppKeyRow>>> {
        self.row(&query!(APP_KEY_ANYWHERE; id)).await
    }

    /// Applications that pass all filters; with `within`, no others than those in there.
    pub async fn apps_everywhere(
        &self,
        within: Option<&Within>,
        filters: &[AppFilter],
        order: AppOrder,
        page: Page,
    ) -> Result<Listed<Placed<AppRow>>> {
        let begin = concat!(
            "WITH f AS NOT MATERIALIZED (SELECT a.org_id, a.project_id, ",
            columns!(),
            " FROM apps a WHERE ",
            living!("a"),
            " AND "
        );
        let mut query = self.builder(begin);
        Within::push_if_any(within, &mut query, "a.org_id", "a.project_id");
        for filter in filters {
            push(query.push(" AND "), filter);
        }
        paged_everywhere(&mut query, order.column(), page);
        self.list(&query.build(filters.len() < 2)).await
    }

    /// Keys of applications that take keys at present, as [`Store::apps_everywhere`].
    pub async fn app_keys_everywhere(
        &self,
        within: Option<&Within>,
        filters: &[AppKeyFilter],
        order: AppKeyOrder,
        page: Page,
    ) -> Result<Listed<Placed<AppKeyRow>>> {
        let mut query = self.builder(concat!("WITH f AS NOT MATERIALIZED (", keys!("a.takes_keys AND ")));
        Within::push_if_any(within, &mut query, "k.org_id", "k.project_id");
        for filter in filters {
            push_key(query.push(" AND "), filter);
        }
        paged_everywhere(&mut query, order.column(), page);
        self.list(&query.build(filters.len() < 2)).await
    }
}

/// The organization of a project is looked up, for what belongs to a project is found by both. On its own, and not in a
/// join: a caller may send a hundred such filters, and no planner orders a hundred joins in time.
fn push_project<'a>(query: &mut QueryBuilder<'a>, id: &'a str, org_column: &'static str, project_column: &'static str) {
    query.push(org_column).push(" = (SELECT org_id FROM projects WHERE id = ").bind(id);
    query.push(" LIMIT 1) AND ").push(project_column).push(" = ").bind(id);
}

fn push<'a>(query: &mut QueryBuilder<'a>, filter: &'a AppFilter) {
    match filter {
        AppFilter::Project(id) => push_project(query, id, "a.org_id", "a.project_id"),
        AppFilter::Name(text) => text.push(query, "a.name"),
        AppFilter::State(state) => {
            query.push("a.state = ").bind(*state);
        }
        AppFilter::Kind(kind) => {
            query.push("a.kind = ").bind(kind.number());
        }
        AppFilter::Client(id) => {
            query.push("a.client_id = ").bind(id);
        }
        AppFilter::Nothing => {
            query.push("1 = 0");
        }
    }
}

fn push_key<'a>(query: &mut QueryBuilder<'a>, filter: &'a AppKeyFilter) {
    match filter {
        // By its unique index, from which its keys follow.
        AppKeyFilter::App(id) => {
            query.push("a.id = ").bind(id);
        }
        AppKeyFilter::Project(id) => push_project(query, id, "k.org_id", "k.project_id"),
        AppKeyFilter::Org(id) => {
            query.push("k.org_id = ").bind(id);
        }
    }
}
