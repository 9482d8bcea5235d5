//! The OAuth endpoints (contract, `oauth.md`). One line per endpoint; any verb reaches it.

mod answer;
mod form;

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Response, StatusCode, request};
use axum::routing::any;
use bytes::Bytes;

use crate::api::adapter::admission::single;
use crate::api::adapter::guard::Answer;
use crate::api::adapter::limits::Limits;
use crate::api::adapter::upload::Upload;
use crate::auth::bearer;
use crate::error::{Code, Error};
use crate::place;
use crate::service::oauth::{DISCOVERY_PATH, Introspection, OAuth, OAuthError, OAuthResult, TokenRequest};
use form::Params;

/// Largest form in bytes: assertions and tokens have some thousand, and a form of millions of parameters
/// would cost much memory.
const MAX_FORM: usize = 64 << 10;

/// All OAuth endpoints.
pub fn routes(service: &Arc<OAuth>, limits: &Limits) -> Router {
    let table = Table { service, limits, router: Router::new() };
    table
        .endpoint(DISCOVERY_PATH, discovery)
        .endpoint("/.well-known/oauth-authorization-server", discovery)
        .endpoint("/oauth/v2/keys", keys)
        .endpoint("/oauth/v2/introspect", introspect)
        .endpoint("/oauth/v2/token", token)
        .endpoint("/oauth/v2/revoke", revoke)
        .endpoint("/oauth/v2/authorize", authorize)
        .endpoint("/oidc/v1/userinfo", userinfo)
        .router
}

/// How an error outside of any endpoint is told: as OAuth tells errors.
pub fn answers(_: &axum::extract::Request) -> Answer {
    |error| answer::error(&error.into())
}

/// A request: the service, its head, its body.
type Request = (Arc<OAuth>, request::Parts, Bytes);

struct Table<'a> {
    service: &'a Arc<OAuth>,
    limits: &'a Limits,
    router: Router,
}

impl Table<'_> {
    fn endpoint<Fut>(mut self, path: &str, function: fn(Request) -> Fut) -> Self
    where
        Fut: Future<Output = OAuthResult<Response<Body>>> + Send + 'static,
    {
        let (service, limits) = (Arc::clone(self.service), self.limits.clone());
        let handler = move |request: axum::extract::Request| async move {
            let (head, body) = request.into_parts();
            let upload = Upload::new(&head, body);
            let outcome = async {
                single(&head.headers)?;
                let (body, place) = limits.read_of_stranger(upload, MAX_FORM).await.map_err(unread)?;
                // On the heap: who only waits for its body would else take the room for all that follows.
                Box::pin(place::held(place, function((service, head, body.bytes.clone())))).await
            };
            outcome.await.unwrap_or_else(|error| answer::error(&error))
        };
        self.router = self.router.route(path, any(handler));
        self
    }
}

/// Why a form could not be read.
fn unread(error: Error) -> OAuthError {
    match error.code {
        Code::ResourceExhausted => OAuthError::invalid_request(format!("the form is larger than {MAX_FORM} bytes")),
        _ => error.into(),
    }
}

async fn discovery((service, ..): Request) -> OAuthResult<Response<Body>> {
    answer::json(StatusCode::OK, service.discovery())
}

async fn keys((service, ..): Request) -> OAuthResult<Response<Body>> {
    Ok(answer::key_set(service.key_set().await?))
}

async fn introspect((service, head, body): Request) -> OAuthResult<Response<Body>> {
    let params = Params::read(&head, &body);
    let credentials = params.credentials(&head.headers)?;
    match service.introspect(&credentials, params.get("token")?.unwrap_or_default()).await? {
        Introspection::Active(body) => Ok(answer::line(StatusCode::OK, &body)),
        Introspection::Inactive => Ok(answer::line(StatusCode::OK, br#"{"active":false}"#)),
    }
}

async fn token((service, head, body): Request) -> OAuthResult<Response<Body>> {
    let params = Params::read(&head, &body);
    let request = TokenRequest {
        grant_type: params.text("grant_type")?,
        assertion: params.secret("assertion")?,
        scope: params.get("scope")?.map(str::to_owned),
        credentials: params.credentials(&head.headers).map_err(OAuthError::challenged)?,
    };
    answer::json(StatusCode::OK, &service.token(&request).await?)
}

async fn revoke((service, head, body): Request) -> OAuthResult<Response<Body>> {
    let params = Params::read(&head, &body);
    let credentials = params.credentials(&head.headers).map_err(OAuthError::challenged)?;
    service.revoke(&credentials, &params.secret("token")?).await?;
    Ok(answer::empty())
}

async fn userinfo((service, head, body): Request) -> OAuthResult<Response<Body>> {
    let params = Params::read(&head, &body);
    let parameter = params.secret("access_token")?;
    let header = head.headers.get("authorization").and_then(|v| bearer(Some(v.as_bytes())).ok());
    let token = header.or((!parameter.is_empty()).then_some(parameter.as_str()));
    answer::json(StatusCode::OK, &service.userinfo(token).await?)
}

/// There is no login here, and the client is told so.
async fn authorize(_: Request) -> OAuthResult<Response<Body>> {
    Err(OAuthError::invalid_request("this server has no login pages; machines get tokens at the token endpoint"))
}
