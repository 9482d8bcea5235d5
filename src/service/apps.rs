//! Applications.

use std::sync::Arc;

use buffa::{EnumValue, MessageField};
use serde_json::{Value, json};

use super::{Deps, changes, oidc, validate};
use crate::auth::Ctx;
use crate::crypto::secrets;
use crate::error::{Error, Result};
use crate::proto::zitadel::app::v1::__buffa::oneof::app::Config;
use crate::proto::zitadel::app::v1::__buffa::oneof::app_query::Query;
use crate::proto::zitadel::app::v1::{APIAuthMethodType, APIConfig, App, AppState};
use crate::proto::zitadel::management::v1::{
    AddAPIAppRequest, AddAPIAppResponse, AddOIDCAppRequest, AddOIDCAppResponse, DeactivateAppRequest,
    DeactivateAppResponse, GetAppByIDRequest, GetAppByIDResponse, ListAppChangesRequest, ListAppChangesResponse,
    ListAppsRequest, ListAppsResponse, ReactivateAppRequest, ReactivateAppResponse, RegenerateAPIClientSecretRequest,
    RegenerateAPIClientSecretResponse, RemoveAppRequest, RemoveAppResponse, UpdateAPIAppConfigRequest,
    UpdateAPIAppConfigResponse, UpdateAppRequest, UpdateAppResponse,
};
use crate::proto::{change_details, full_details, list_details, optional_timestamp};
use crate::store::{Aggregate, AggregateKind, AppAt, AppInsert, AppMethod, AppRow, Event, Recorded, TextFilter, Tx};

/// `kind` of a row.
const API: i64 = 1;
const OIDC: i64 = 2;
/// Numbers of `AppState`.
const ACTIVE: i64 = 1;
const INACTIVE: i64 = 2;

/// Applications of projects.
pub struct Apps(pub(super) Deps);

/// An application found and locked by a transaction.
struct Locked {
    tx: Tx,
    project: Aggregate,
    app: AppRow,
}

impl Apps {
    /// `AddAPIApp`: the secret of a BASIC application is in this answer and nowhere else.
    ///
    /// # Errors
    /// `COMMAND-EbFMN` no such project, code 6 name taken.
    pub async fn add_api_app(self: Arc<Self>, cx: Ctx, request: AddAPIAppRequest) -> Result<AddAPIAppResponse> {
        cx.admit(&request)?;
        let method = api_method(request.auth_method_type);
        let secret = (!method.takes_keys).then(secrets::client_secret);
        let hash = secret.as_ref().map(|s| secrets::hash(s));
        let (id, client_id) = (self.0.ids.next(), self.0.ids.next());
        let app = AppInsert {
            org_id: &cx.org_id,
            project_id: &request.project_id,
            id: &id,
            kind: API,
            name: &request.name,
            client_id: &client_id,
            method,
            secret_hash: hash.as_ref().map(<[u8; 32]>::as_slice),
            oidc_config: None,
        };
        let config = json!({"appId": id, "clientId": client_id, "authMethodType": method.number});
        let event = self.insert(&cx, &app, "project.application.config.api.added", config).await?;
        Ok(AddAPIAppResponse {
            details: change_details(&cx.org_id, &event, event.at),
            client_secret: secret.map(|s| s.to_string()).unwrap_or_default(),
            app_id: id,
            client_id,
        })
    }

    /// `AddOIDCApp`: stored as configuration; this server runs no login flows.
    ///
    /// # Errors
    /// `COMMAND-EbFMN` no such project, `PROJECT-1n8df` configuration invalid, code 6 name taken.
    pub async fn add_oidc_app(self: Arc<Self>, cx: Ctx, request: AddOIDCAppRequest) -> Result<AddOIDCAppResponse> {
        cx.admit(&request)?;
        let (id, client_id) = (self.0.ids.next(), self.0.ids.next());
        let config = oidc::config_of(&request, &client_id);
        if self.0.store.project_by_id(&cx.org_id, &request.project_id).await?.is_none() {
            return Err(no_project());
        }
        oidc::check(&config)?;
        let method = oidc::method(&config);
        let secret = oidc::needs_secret(&config).then(secrets::client_secret);
        let hash = secret.as_ref().map(|s| secrets::hash(s));
        let app = AppInsert {
            org_id: &cx.org_id,
            project_id: &request.project_id,
            id: &id,
            kind: OIDC,
            name: &request.name,
            client_id: &client_id,
            method,
            secret_hash: hash.as_ref().map(<[u8; 32]>::as_slice),
            oidc_config: Some(serde_json::to_string(&config).map_err(Error::internal)?),
        };
        let payload = json!({"appId": id, "clientId": client_id, "authMethodType": method.number});
        let event = self.insert(&cx, &app, "project.application.config.oidc.added", payload).await?;
        let problems = oidc::compliance(&config);
        Ok(AddOIDCAppResponse {
            details: change_details(&cx.org_id, &event, event.at),
            client_secret: secret.map(|s| s.to_string()).unwrap_or_default(),
            app_id: id,
            client_id,
            none_compliant: problems.none_compliant,
            compliance_problems: problems.messages,
        })
    }

    /// `UpdateApp`: another name, for any kind of application.
    ///
    /// # Errors
    /// `COMMAND-28di9` no such application, `COMMAND-2m8vx` name unchanged, code 6 name taken.
    pub async fn update_app(self: Arc<Self>, cx: Ctx, request: UpdateAppRequest) -> Result<UpdateAppResponse> {
        cx.admit(&request)?;
        let at = AppAt { org_id: &cx.org_id, project_id: &request.project_id, id: &request.app_id };
        let mut found = self.lock(at, "COMMAND-28di9").await?;
        if found.app.name == request.name {
            return Err(Error::precondition("COMMAND-2m8vx", "No changes"));
        }
        let payload = json!({"appId": at.id, "name": request.name});
        let event = found.append(&cx, "project.application.changed", payload).await?;
        found.tx.app_rename(at, &request.name, &event).await.map_err(|e| e.taken(NAME_TAKEN))?;
        found.tx.commit().await?;
        Ok(UpdateAppResponse { details: change_details(&cx.org_id, &event, found.app.stamp.created_at) })
    }

    /// `UpdateAPIAppConfig`: switches the method. Towards BASIC keys sleep and no secret is made.
    ///
    /// # Errors
    /// `COMMAND-2n8uU` no such application, `COMMAND-Gnwt3` not an API application,
    /// `COMMAND-1m88i` method unchanged.
    pub async fn update_api_app_config(
        self: Arc<Self>,
        cx: Ctx,
        request: UpdateAPIAppConfigRequest,
    ) -> Result<UpdateAPIAppConfigResponse> {
        cx.admit(&request)?;
        let at = AppAt { org_id: &cx.org_id, project_id: &request.project_id, id: &request.app_id };
        let mut found = self.lock(at, "COMMAND-2n8uU").await?;
        if found.app.kind != API {
            return Err(Error::invalid("COMMAND-Gnwt3", NOT_API));
        }
        let method = api_method(request.auth_method_type);
        if found.app.auth_method == method.number {
            return Err(Error::precondition("COMMAND-1m88i", "No changes"));
        }
        let payload = json!({"appId": at.id, "authMethodType": method.number});
        let event = found.append(&cx, "project.application.config.api.changed", payload).await?;
        found.tx.app_set_method(at, method, &event).await?;
        found.tx.commit().await?;
        Ok(UpdateAPIAppConfigResponse { details: change_details(&cx.org_id, &event, found.app.stamp.created_at) })
    }

    /// `RegenerateAPIClientSecret`: for both methods; the old secret is void at once, or after the time
    /// that the request grants it.
    ///
    /// # Errors
    /// `COMMAND-Gr4ce` time out of range, `COMMAND-2g66f` no such application, `COMMAND-aeH4` not an API
    /// application.
    pub async fn regenerate_api_client_secret(
        self: Arc<Self>,
        cx: Ctx,
        request: RegenerateAPIClientSecretRequest,
    ) -> Result<RegenerateAPIClientSecretResponse> {
        cx.admit(&request)?;
        let grace = validate::grace(&request.old_secret_lifetime)?;
        let at = AppAt { org_id: &cx.org_id, project_id: &request.project_id, id: &request.app_id };
        let mut found = self.lock(at, "COMMAND-2g66f").await?;
        if found.app.kind != API {
            return Err(Error::invalid("COMMAND-aeH4", NOT_API));
        }
        let secret = secrets::client_secret();
        let payload = json!({"appId": at.id, "oldSecretUntil": cx.now + grace});
        let event = found.append(&cx, "project.application.config.api.secret.changed", payload).await?;
        found.tx.app_set_secret(at, &secrets::hash(&secret), cx.now + grace, &event).await?;
        found.tx.commit().await?;
        Ok(RegenerateAPIClientSecretResponse {
            client_secret: secret.to_string(),
            details: change_details(&cx.org_id, &event, found.app.stamp.created_at),
        })
    }

    /// `DeactivateApp`.
    ///
    /// # Errors
    /// `COMMAND-ov9d3` no such application, `COMMAND-dsh35` not active.
    pub async fn deactivate_app(
        self: Arc<Self>,
        cx: Ctx,
        request: DeactivateAppRequest,
    ) -> Result<DeactivateAppResponse> {
        cx.admit(&request)?;
        let at = AppAt { org_id: &cx.org_id, project_id: &request.project_id, id: &request.app_id };
        let found = self.lock(at, "COMMAND-ov9d3").await?;
        if found.app.state != ACTIVE {
            return Err(Error::precondition("COMMAND-dsh35", "Application is not active"));
        }
        let created_at = found.app.stamp.created_at;
        let event = found.set_state(&cx, at, INACTIVE, "project.application.deactivated").await?;
        Ok(DeactivateAppResponse { details: change_details(&cx.org_id, &event, created_at) })
    }

    /// `ReactivateApp`.
    ///
    /// # Errors
    /// `COMMAND-ov9d3` no such application, `COMMAND-1n8cM` not inactive.
    pub async fn reactivate_app(
        self: Arc<Self>,
        cx: Ctx,
        request: ReactivateAppRequest,
    ) -> Result<ReactivateAppResponse> {
        cx.admit(&request)?;
        let at = AppAt { org_id: &cx.org_id, project_id: &request.project_id, id: &request.app_id };
        let found = self.lock(at, "COMMAND-ov9d3").await?;
        if found.app.state != INACTIVE {
            return Err(Error::precondition("COMMAND-1n8cM", "Application is not inactive"));
        }
        let created_at = found.app.stamp.created_at;
        let event = found.set_state(&cx, at, ACTIVE, "project.application.reactivated").await?;
        Ok(ReactivateAppResponse { details: change_details(&cx.org_id, &event, created_at) })
    }

    /// `RemoveApp`: with its keys.
    ///
    /// # Errors
    /// `COMMAND-0po9s` no such application.
    pub async fn remove_app(self: Arc<Self>, cx: Ctx, request: RemoveAppRequest) -> Result<RemoveAppResponse> {
        cx.admit(&request)?;
        let at = AppAt { org_id: &cx.org_id, project_id: &request.project_id, id: &request.app_id };
        let mut found = self.lock(at, "COMMAND-0po9s").await?;
        let payload = json!({"appId": at.id, "name": found.app.name});
        let event = found.append(&cx, "project.application.removed", payload).await?;
        found.tx.app_delete(at, &event).await?;
        found.tx.commit().await?;
        Ok(RemoveAppResponse { details: change_details(&cx.org_id, &event, found.app.stamp.created_at) })
    }

    /// `GetAppByID`: any kind of application.
    ///
    /// # Errors
    /// `QUERY-pCP8P` no such application, which is also the answer for one of another organization.
    pub async fn get_app_by_id(self: Arc<Self>, cx: Ctx, request: GetAppByIDRequest) -> Result<GetAppByIDResponse> {
        cx.admit(&request)?;
        let row = self.0.store.app_by_id(&cx.org_id, &request.project_id, &request.app_id).await?;
        let Some(row) = row else {
            return Err(Error::not_found("QUERY-pCP8P", "Errors.App.NotExisting"));
        };
        Ok(GetAppByIDResponse { app: MessageField::some(message(&cx.org_id, row)?) })
    }

    /// `ListApps`: all kinds and states; an unknown project has none.
    ///
    /// # Errors
    /// None of its own.
    pub async fn list_apps(self: Arc<Self>, cx: Ctx, request: ListAppsRequest) -> Result<ListAppsResponse> {
        cx.admit(&request)?;
        let filters: Vec<TextFilter> = request
            .queries
            .iter()
            .filter_map(|q| q.query.as_ref())
            .map(|Query::NameQuery(q)| validate::text_filter(q.method, &q.name))
            .collect();
        let page = validate::page(&request.query);
        let list = self.0.store.app_search(&cx.org_id, &request.project_id, &filters, page).await?;
        Ok(ListAppsResponse {
            details: list_details(list.total, list.seen.as_ref()),
            result: list.rows.into_iter().map(|row| message(&cx.org_id, row)).collect::<Result<_>>()?,
        })
    }

    /// `ListAppChanges`: key events too; an unknown application has none.
    ///
    /// # Errors
    /// None of its own.
    pub async fn list_app_changes(
        self: Arc<Self>,
        cx: Ctx,
        request: ListAppChangesRequest,
    ) -> Result<ListAppChangesResponse> {
        cx.admit(&request)?;
        let page = validate::change_page(&request.query);
        let (org, project) = (&cx.org_id, &request.project_id);
        let rows = self.0.store.changes(AggregateKind::Project, org, project, Some(&request.app_id), page).await?;
        Ok(ListAppChangesResponse { result: rows.into_iter().map(|row| changes::message(org, row)).collect() })
    }

    async fn insert(
        &self,
        cx: &Ctx,
        app: &AppInsert<'_>,
        config_event: &'static str,
        config: Value,
    ) -> Result<Recorded> {
        let mut tx = self.0.store.write().await?;
        let mut project = tx.project_lock(app.org_id, app.project_id).await?.ok_or_else(no_project)?;
        let added = json!({"appId": app.id, "name": app.name});
        let events =
            [Event::of_app("project.application.added", app.id, added), Event::of_app(config_event, app.id, config)];
        let event = tx.events_append(&mut project, &cx.user_id, cx.now, &events).await?;
        tx.app_insert(app, &event).await.map_err(|e| e.taken(NAME_TAKEN))?;
        tx.commit().await?;
        Ok(event)
    }

    async fn lock(&self, at: AppAt<'_>, missing: &'static str) -> Result<Locked> {
        let no_app = || Error::not_found(missing, "Application doesn't exist");
        let mut tx = self.0.store.write().await?;
        let project = tx.aggregate_lock(AggregateKind::Project, at.org_id, at.project_id).await?;
        let project = project.ok_or_else(no_app)?;
        let app = tx.app_by_id(at.org_id, at.project_id, at.id).await?.ok_or_else(no_app)?;
        Ok(Locked { tx, project, app })
    }
}

impl Locked {
    async fn append(&mut self, cx: &Ctx, kind: &'static str, payload: Value) -> Result<Recorded> {
        let event = Event::of_app(kind, &self.app.id, payload);
        Ok(self.tx.events_append(&mut self.project, &cx.user_id, cx.now, &[event]).await?)
    }

    async fn set_state(mut self, cx: &Ctx, at: AppAt<'_>, state: i64, kind: &'static str) -> Result<Recorded> {
        let event = self.append(cx, kind, json!({"appId": at.id})).await?;
        self.tx.app_set_state(at, state, &event).await?;
        self.tx.commit().await?;
        Ok(event)
    }
}

const NAME_TAKEN: &str = "Application already exists";
const NOT_API: &str = "Application is not type API";

fn no_project() -> Error {
    Error::precondition("COMMAND-EbFMN", "Project not found")
}

/// The method a request names; the field rules have refused unknown numbers.
fn api_method(method: EnumValue<APIAuthMethodType>) -> AppMethod {
    let takes_keys = method == APIAuthMethodType::API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT;
    AppMethod { number: i64::from(method.to_i32()), takes_keys }
}

/// An application as clients read it.
fn message(org_id: &str, row: AppRow) -> Result<App> {
    let secret_last_used = optional_timestamp(row.secret_used_at);
    let config = if let Some(stored) = &row.oidc_config {
        let mut config = oidc::read(stored)?;
        config.secret_last_used = secret_last_used;
        Config::OidcConfig(Box::new(config))
    } else {
        Config::ApiConfig(Box::new(APIConfig {
            client_id: row.client_id,
            auth_method_type: EnumValue::from(i32::try_from(row.auth_method).unwrap_or_default()),
            secret_last_used,
        }))
    };
    Ok(App {
        id: row.id,
        details: full_details(org_id, &row.stamp),
        state: EnumValue::<AppState>::from(i32::try_from(row.state).unwrap_or_default()),
        name: row.name,
        config: Some(config),
    })
}
