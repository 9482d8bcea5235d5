//! Applications of a project.

use serde::Serialize;
use sqlx::FromRow;

use super::held::lock;
use super::lists::{Source, paged};
use super::sql::{query, statement};
use super::texts::fold;
use super::{
    AggregateKind, AppKind, AppRow, Change, Event, EventKind, Held, Listed, Page, Recorded, Result, Sql, State,
    Statement, Store, TextFilter, Work,
};
use crate::clock::Micros;

/// How an application authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppMethod {
    /// Number of the kind's own enum.
    pub number: i64,
    /// Whether it is a private key JWT.
    pub takes_keys: bool,
}

macro_rules! columns {
    () => {
        "a.id, a.kind, a.name, a.state, a.client_id, a.auth_method, a.takes_keys, a.oidc_config, a.secret_used_at, \
         a.sequence, a.created_at, a.changed_at"
    };
}
pub(super) use columns;

pub(super) const APP_BY_ID: &str =
    concat!("SELECT ", columns!(), " FROM apps a WHERE a.org_id = $1 AND a.project_id = $2 AND a.id = $3");
pub(super) const APP_PLACE: &str = "SELECT a.org_id, a.project_id FROM apps a WHERE a.id = $1 \
     AND EXISTS (SELECT 1 FROM organizations o WHERE o.id = a.org_id AND o.state <> 3)";
pub(super) const APP_INSERT: &str = "INSERT INTO apps (org_id, project_id, id, kind, name, name_folded, state, \
     client_id, auth_method, takes_keys, secret_hash, oidc_config, key_count, switched_sequence, sequence, \
     created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $10, $11, 0, 0, $12, $13, $13)";
pub(super) const APP_RENAME: &str = "UPDATE apps SET name = $4, name_folded = $5, sequence = $6, changed_at = $7 \
     WHERE org_id = $1 AND project_id = $2 AND id = $3";
/// Which of identifier and name an application of the project cannot have.
pub(super) const APP_TAKEN: &str = "SELECT id FROM apps WHERE id = $3 OR client_id = $5 \
     UNION ALL SELECT '' FROM apps WHERE org_id = $1 AND project_id = $2 AND name_folded = $4 ORDER BY id DESC";
// A secret belongs to the method for which it was made: a switch forgets it.
pub(super) const APP_SET_METHOD: &str = "UPDATE apps SET auth_method = $4, takes_keys = $5, secret_hash = NULL, \
     old_secret_hash = NULL, old_secret_until = 0, switched_sequence = $6, sequence = $6, changed_at = $7 \
     WHERE org_id = $1 AND project_id = $2 AND id = $3";
pub(super) const APP_SET_SECRET: &str = "UPDATE apps SET \
     old_secret_hash = CASE WHEN CAST($5 AS BIGINT) > 0 THEN secret_hash END, old_secret_until = $5, \
     secret_hash = $4, sequence = $6, changed_at = $7 WHERE org_id = $1 AND project_id = $2 AND id = $3";
pub(super) const APP_SET_STATE: &str = "UPDATE apps SET state = $4, sequence = $5, changed_at = $6 \
     WHERE org_id = $1 AND project_id = $2 AND id = $3";
// Its keys go with it.
pub(super) const APP_DELETE: &str = "DELETE FROM apps WHERE org_id = $1 AND project_id = $2 AND id = $3";
pub(super) const APP_LOCK: Sql =
    lock!(concat!(", ", columns!()), "JOIN apps a ON a.org_id = g.org_id AND a.project_id = g.id WHERE a.id = $4");

impl Store {
    /// An application of the project.
    pub async fn app_by_id(&self, org_id: &str, project_id: &str, id: &str) -> Result<Option<AppRow>> {
        self.row(&query!(APP_BY_ID; org_id, project_id, id)).await
    }

    /// Where an application is, in whichever organization.
    pub async fn app_place(&self, id: &str) -> Result<Option<AppPlace>> {
        self.row(&query!(APP_PLACE; id)).await
    }

    /// Applications of a project.
    pub async fn app_search(
        &self,
        org_id: &str,
        project_id: &str,
        filters: &[TextFilter],
        page: Page,
    ) -> Result<Listed<AppRow>> {
        let mut query = self.builder(concat!("WITH f AS (SELECT ", columns!(), " FROM apps a WHERE org_id = "));
        query.bind(org_id).push(" AND project_id = ").bind(project_id);
        for filter in filters {
            filter.push(query.push(" AND "), "name");
        }
        paged(&mut query, Source { org_id, kind: AggregateKind::Project, id: Some(project_id) }, "id", page);
        self.list(&query.build(filters.is_empty())).await
    }
}

impl Work {
    /// Locks an application with its project; none if there is no such application.
    pub async fn app_held(&mut self, at: AppAt<'_>) -> Result<Option<Held<'_, AppRow>>> {
        self.hold(APP_LOCK, AggregateKind::Project, [at.org_id, at.project_id], Some(at.id)).await
    }

    /// What is taken of the identifiers, in whichever organization, and the name of a new application.
    pub async fn app_taken(&mut self, at: AppAt<'_>, name: &str, client_id: &str) -> Result<Option<AppTaken>> {
        let taken = query!(APP_TAKEN; at.org_id, at.project_id, at.id, fold(name), client_id);
        let id: Option<String> = self.scalar(&taken).await?;
        Ok(id.map(|id| if id.is_empty() { AppTaken::Name } else { AppTaken::Id }))
    }
}

/// What another application has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppTaken {
    /// The identifier, or the client id.
    Id,
    /// The name.
    Name,
}

/// Configuration of a new application.
#[derive(Debug)]
pub enum AppConfig {
    /// Of an API.
    Api,
    /// Of an OpenID Connect client, as `service::oidc_config` stores it.
    Oidc(String),
}

/// A new, active application.
#[derive(Debug)]
pub struct AppAdded<'a> {
    /// Where it will be.
    pub at: AppAt<'a>,
    /// Name as given.
    pub name: &'a str,
    /// Client id.
    pub client_id: &'a str,
    /// How it authenticates.
    pub method: AppMethod,
    /// SHA-256 of the client secret, if it has one.
    pub secret_hash: Option<&'a [u8]>,
    /// What else it is.
    pub config: AppConfig,
}

/// What the events of an application say.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Says<'a> {
    app_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_method_type: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_secret_until: Option<Micros>,
}

impl<'a> Says<'a> {
    pub fn of(at: AppAt<'a>) -> Self {
        Self { app_id: at.id, ..Self::default() }
    }

    /// With the number of the method.
    pub fn method(at: AppAt<'a>, method: AppMethod) -> Self {
        Self { auth_method_type: Some(method.number), ..Self::of(at) }
    }

    pub fn event(&self, kind: EventKind) -> Event {
        Event::of_app(kind, self.app_id, self)
    }
}

impl Change for AppAdded<'_> {
    fn events(&self) -> Vec<Event> {
        let config = match self.config {
            AppConfig::Api => EventKind::ApiConfigAdded,
            AppConfig::Oidc(_) => EventKind::OidcConfigAdded,
        };
        let auth_method_type = Some(self.method.number);
        vec![
            Says { name: Some(self.name), ..Says::of(self.at) }.event(EventKind::AppAdded),
            Says { client_id: Some(self.client_id), auth_method_type, ..Says::of(self.at) }.event(config),
        ]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let at = self.at;
        let (kind, config) = match &self.config {
            AppConfig::Api => (AppKind::Api, None),
            AppConfig::Oidc(config) => (AppKind::Oidc, Some(config.as_str())),
        };
        vec![statement!(
            APP_INSERT; at.org_id, at.project_id, at.id, kind.number(), self.name, fold(self.name), self.client_id,
            self.method.number, self.method.takes_keys, self.secret_hash, config, event.sequence, event.at,
        )]
    }
}

/// An application gets another name.
#[derive(Debug)]
pub struct AppRenamed<'a> {
    /// Where it is.
    pub at: AppAt<'a>,
    /// Its name from now on.
    pub name: &'a str,
}

impl Change for AppRenamed<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Says { name: Some(self.name), ..Says::of(self.at) }.event(EventKind::AppChanged)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let at = self.at;
        vec![statement!(
            APP_RENAME; at.org_id, at.project_id, at.id, self.name, fold(self.name), event.sequence, event.at,
        )]
    }
}

/// An API application authenticates in another way. Its keys sleep while the method takes none; a secret is
/// forgotten.
#[derive(Debug)]
pub struct AppMethodChanged<'a> {
    /// Where it is.
    pub at: AppAt<'a>,
    /// Its method from now on.
    pub method: AppMethod,
}

impl Change for AppMethodChanged<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Says::method(self.at, self.method).event(EventKind::ApiConfigChanged)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let (at, method) = (self.at, self.method);
        vec![statement!(
            APP_SET_METHOD; at.org_id, at.project_id, at.id, method.number, method.takes_keys, event.sequence, event.at,
        )]
    }
}

/// An application gets another client secret.
#[derive(Debug)]
pub struct AppSecretChanged<'a> {
    /// Where it is.
    pub at: AppAt<'a>,
    /// What it is.
    pub kind: AppKind,
    /// SHA-256 of the new secret.
    pub hash: &'a [u8],
    /// How long the old secret is good; none if it is void at once, and then it is not kept.
    pub old_until: Option<Micros>,
}

impl Change for AppSecretChanged<'_> {
    fn events(&self) -> Vec<Event> {
        let kind = match self.kind {
            AppKind::Api => EventKind::ApiSecretChanged,
            AppKind::Oidc => EventKind::OidcSecretChanged,
        };
        vec![Says { old_secret_until: self.old_until, ..Says::of(self.at) }.event(kind)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let at = self.at;
        let old_until = self.old_until.unwrap_or(0);
        vec![statement!(
            APP_SET_SECRET; at.org_id, at.project_id, at.id, self.hash, old_until, event.sequence, event.at,
        )]
    }
}

/// An application is switched on or off.
#[derive(Debug)]
pub struct AppSwitched<'a> {
    /// Where it is.
    pub at: AppAt<'a>,
    /// Its state from now on.
    pub state: State,
}

impl Change for AppSwitched<'_> {
    fn events(&self) -> Vec<Event> {
        let kind = match self.state {
            State::Active => EventKind::AppReactivated,
            State::Inactive => EventKind::AppDeactivated,
        };
        vec![Says::of(self.at).event(kind)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let at = self.at;
        vec![statement!(
            APP_SET_STATE; at.org_id, at.project_id, at.id, self.state.number(), event.sequence, event.at,
        )]
    }
}

/// An application goes, with its keys; its events stay.
#[derive(Debug)]
pub struct AppRemoved<'a> {
    /// Where it was.
    pub at: AppAt<'a>,
    /// Its name.
    pub name: &'a str,
}

impl Change for AppRemoved<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Says { name: Some(self.name), ..Says::of(self.at) }.event(EventKind::AppRemoved)]
    }

    fn rows(&self, _event: &Recorded) -> Vec<Statement<'_>> {
        vec![statement!(APP_DELETE; self.at.org_id, self.at.project_id, self.at.id)]
    }
}

/// Whose an application is.
#[derive(Debug, FromRow)]
pub struct AppPlace {
    /// Organization.
    pub org_id: String,
    /// Project.
    pub project_id: String,
}

/// Where an application is.
#[derive(Debug, Clone, Copy)]
pub struct AppAt<'a> {
    /// Organization.
    pub org_id: &'a str,
    /// Project.
    pub project_id: &'a str,
    /// Identifier.
    pub id: &'a str,
}
