//! Lists of credentials over all users and organizations.

use sqlx::FromRow;

use super::builder::QueryBuilder;
use super::lists::{living, paged_everywhere};
use super::{Credential, CredentialRow, Listed, Page, Result, SeenBy, Store, TimeFilter};

/// A condition on a credential.
#[derive(Debug, Clone)]
pub enum CredentialFilter {
    /// Its identifier.
    Id(String),
    /// Its user.
    User(String),
    /// The organization of its user.
    Org(String),
    /// When it was made.
    Created(TimeFilter),
    /// When it ends.
    Expires(TimeFilter),
}

/// By what a list of credentials is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialOrder {
    /// Creation.
    Created,
    /// Identifier.
    Id,
    /// User.
    User,
    /// Organization of the user.
    Org,
    /// End.
    Expires,
}

impl CredentialOrder {
    fn column(self) -> &'static str {
        match self {
            Self::Created => "created_at",
            Self::Id => "id",
            Self::User => "user_id",
            Self::Org => "org_id",
            Self::Expires => "expires_at",
        }
    }
}

/// A credential, and whose it is.
#[derive(Debug, Clone, FromRow)]
pub struct OwnedCredentialRow {
    /// Its user.
    pub user_id: String,
    /// The organization of the user.
    pub org_id: String,
    /// The credential.
    #[sqlx(flatten)]
    pub row: CredentialRow,
}

impl Store {
    /// Credentials of all users that pass all filters, expired ones included.
    pub async fn credentials_everywhere(
        &self,
        kind: Credential,
        by: SeenBy<'_>,
        filters: &[CredentialFilter],
        order: CredentialOrder,
        page: Page,
    ) -> Result<Listed<OwnedCredentialRow>> {
        let mut query = self.builder(
            "WITH f AS NOT MATERIALIZED (SELECT id, user_id, org_id, expires_at, sequence, created_at, last_used_at \
             FROM ",
        );
        query.push(kind.table()).push(concat!(" c WHERE ", living!("c"), " AND "));
        by.push(&mut query, "org_id", "user_id");
        for filter in filters {
            push(query.push(" AND "), filter);
        }
        paged_everywhere(&mut query, order.column(), page);
        self.list(&query.build(filters.is_empty())).await
    }
}

fn push<'a>(query: &mut QueryBuilder<'a>, filter: &'a CredentialFilter) {
    match filter {
        CredentialFilter::Id(id) => {
            query.push("id = ").bind(id);
        }
        // By both, for so the index goes.
        CredentialFilter::User(id) => {
            query.push("(org_id, user_id) IN (SELECT u.org_id, u.id FROM users u WHERE u.id = ").bind(id).push(")");
        }
        CredentialFilter::Org(id) => {
            query.push("org_id = ").bind(id);
        }
        CredentialFilter::Created(time) => time.push(query, "created_at"),
        CredentialFilter::Expires(time) => time.push(query, "expires_at"),
    }
}
