//! Applications.

use std::sync::Arc;

use buffa::{EnumValue, MessageField};

use super::oidc_config::OidcConfig;
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
use crate::proto::zitadel::v1::ObjectDetails;
use crate::proto::{Part, change_details, full_details, list_details, optional_timestamp};
use crate::store::{
    AggregateKind, AppAdded, AppAt, AppConfig, AppKind, AppMethod, AppMethodChanged, AppRemoved, AppRenamed, AppRow,
    AppSecretChanged, AppSwitched, ProjectAt, Recorded, State, TextFilter,
};

/// Applications of projects.
pub struct Apps(pub(super) Deps);

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
        let (id, client_id) = (self.0.ids.next().await, self.0.ids.next().await);
        let app = AppAdded {
            at: AppAt { org_id: &cx.org_id, project_id: &request.project_id, id: &id },
            name: &request.name,
            client_id: &client_id,
            method,
            secret_hash: hash.as_ref().map(<[u8; 32]>::as_slice),
            config: AppConfig::Api,
        };
        let event = self.insert(&cx, &app).await?;
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
        let (id, client_id) = (self.0.ids.next().await, self.0.ids.next().await);
        let config = oidc::config_of(&request, &client_id);
        if self.0.store.project_by_id(&cx.org_id, &request.project_id).await?.is_none() {
            return Err(no_project());
        }
        oidc::check(&config)?;
        let method = oidc::method(&config);
        let secret = oidc::needs_secret(&config).then(secrets::client_secret);
        let hash = secret.as_ref().map(|s| secrets::hash(s));
        let app = AppAdded {
            at: AppAt { org_id: &cx.org_id, project_id: &request.project_id, id: &id },
            name: &request.name,
            client_id: &client_id,
            method,
            secret_hash: hash.as_ref().map(<[u8; 32]>::as_slice),
            config: AppConfig::Oidc(OidcConfig::of(&config).stored()?),
        };
        let event = self.insert(&cx, &app).await?;
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
        let details = self.0.store.work(cx.actor(), async |mut work| {
            let mut app = work.app_lock(at).await?.ok_or_else(|| no_app("COMMAND-28di9"))?;
            if app.row.name == request.name {
                return Err(Error::precondition("COMMAND-2m8vx", "No changes"));
            }
            let event = app.record(&AppRenamed { at, name: &request.name }).await.map_err(|e| e.taken(NAME_TAKEN))?;
            Ok(change_details(at.org_id, &event, app.row.stamp.created_at))
        });
        Ok(UpdateAppResponse { details: details.await? })
    }

    /// `UpdateAPIAppConfig`: switches the method. Towards BASIC keys sleep and no secret is made; an old secret is
    /// forgotten.
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
        let method = api_method(request.auth_method_type);
        let details = self.0.store.work(cx.actor(), async |mut work| {
            let mut app = work.app_lock(at).await?.ok_or_else(|| no_app("COMMAND-2n8uU"))?;
            if app.row.kind != AppKind::Api {
                return Err(Error::invalid("COMMAND-Gnwt3", NOT_API));
            }
            if app.row.auth_method == method.number {
                return Err(Error::precondition("COMMAND-1m88i", "No changes"));
            }
            let event = app.record(&AppMethodChanged { at, method }).await?;
            Ok(change_details(at.org_id, &event, app.row.stamp.created_at))
        });
        Ok(UpdateAPIAppConfigResponse { details: details.await? })
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
        let secret = secrets::client_secret();
        let hash = secrets::hash(&secret);
        // What is void at once has no end that a clock could bring back.
        let old_until = (grace > 0).then(|| cx.now + grace);
        let details = self.0.store.work(cx.actor(), async |mut work| {
            let mut app = work.app_lock(at).await?.ok_or_else(|| no_app("COMMAND-2g66f"))?;
            if app.row.kind != AppKind::Api {
                return Err(Error::invalid("COMMAND-aeH4", NOT_API));
            }
            let event = app.record(&AppSecretChanged { at, hash: &hash, old_until }).await?;
            Ok(change_details(at.org_id, &event, app.row.stamp.created_at))
        });
        let details = details.await?;
        Ok(RegenerateAPIClientSecretResponse { client_secret: secret.to_string(), details })
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
        let not_active = || Error::precondition("COMMAND-dsh35", "Application is not active");
        Ok(DeactivateAppResponse { details: self.switch(&cx, at, State::Inactive, not_active).await? })
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
        let not_inactive = || Error::precondition("COMMAND-1n8cM", "Application is not inactive");
        Ok(ReactivateAppResponse { details: self.switch(&cx, at, State::Active, not_inactive).await? })
    }

    /// `RemoveApp`: with its keys.
    ///
    /// # Errors
    /// `COMMAND-0po9s` no such application.
    pub async fn remove_app(self: Arc<Self>, cx: Ctx, request: RemoveAppRequest) -> Result<RemoveAppResponse> {
        cx.admit(&request)?;
        let at = AppAt { org_id: &cx.org_id, project_id: &request.project_id, id: &request.app_id };
        let details = self.0.store.work(cx.actor(), async |mut work| {
            let mut app = work.app_lock(at).await?.ok_or_else(|| no_app("COMMAND-0po9s"))?;
            let name = app.row.name.clone();
            let event = app.record(&AppRemoved { at, name: &name }).await?;
            Ok(change_details(at.org_id, &event, app.row.stamp.created_at))
        });
        Ok(RemoveAppResponse { details: details.await? })
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

    async fn insert(&self, cx: &Ctx, app: &AppAdded<'_>) -> Result<Recorded> {
        let at = ProjectAt { org_id: app.at.org_id, id: app.at.project_id };
        let work = self.0.store.work(cx.actor(), async |mut work| {
            let mut project = work.project_lock(at).await?.ok_or_else(no_project)?;
            project.record(app).await.map_err(|e| e.taken(NAME_TAKEN))
        });
        work.await
    }

    /// Switches an application on or off, if it is not so already.
    async fn switch(
        &self,
        cx: &Ctx,
        at: AppAt<'_>,
        state: State,
        refusal: fn() -> Error,
    ) -> Result<Part<ObjectDetails>> {
        let work = self.0.store.work(cx.actor(), async |mut work| {
            let mut app = work.app_lock(at).await?.ok_or_else(|| no_app("COMMAND-ov9d3"))?;
            if app.row.state == state {
                return Err(refusal());
            }
            let event = app.record(&AppSwitched { at, state }).await?;
            Ok(change_details(at.org_id, &event, app.row.stamp.created_at))
        });
        work.await
    }
}

fn no_app(id: &'static str) -> Error {
    Error::not_found(id, "Application doesn't exist")
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
        let mut config = oidc::read(stored, row.client_id)?;
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
        state: EnumValue::<AppState>::from(i32::try_from(row.state.number()).unwrap_or_default()),
        name: row.name,
        config: Some(config),
    })
}
