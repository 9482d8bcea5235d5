//! The OAuth endpoints (contract, `oauth.md`). One line per endpoint; any verb reaches it.

mod answer;
mod form;
pub mod measure;

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
use crate::clock::Monotonic;
use crate::error::{Code, Error};
use crate::place;
use crate::service::oauth::{DISCOVERY_PATH, Introspection, OAuth, OAuthError, OAuthResult, TokenRequest};
use form::Params;
use measure::{Endpoint, Told};

/// Largest form in bytes: assertions and tokens have some thousand, and a form of millions of parameters
/// would cost much memory.
const MAX_FORM: usize = 64 << 10;

/// All OAuth endpoints, and what is counted of each.
pub fn routes(service: &Arc<OAuth>, limits: &Limits, time: &Arc<dyn Monotonic>) -> (Router, Vec<Endpoint>) {
    let table = Table { service, limits, time, router: Router::new(), counted: Vec::new() };
    let table = table
        .endpoint(DISCOVERY_PATH, discovery)
        .endpoint("/.well-known/oauth-authorization-server", discovery)
        .endpoint("/oauth/v2/keys", keys)
        .endpoint("/oauth/v2/introspect", introspect)
        .endpoint("/oauth/v2/token", token)
        .endpoint("/oauth/v2/revoke", revoke)
        .endpoint("/oauth/v2/authorize", authorize)
        .endpoint("/oidc/v1/userinfo", userinfo);
    (table.router, table.counted)
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
    counted: Vec<Endpoint>,
    time: &'a Arc<dyn Monotonic>,
}

impl Table<'_> {
    fn endpoint<Fut>(mut self, path: &str, function: fn(Request) -> Fut) -> Self
    where
        Fut: Future<Output = OAuthResult<Response<Body>>> + Send + 'static,
    {
        let (service, limits) = (Arc::clone(self.service), self.limits.clone());
        let endpoint = Endpoint::new(path, Arc::clone(self.time));
        self.counted.push(endpoint.clone());
        let handler = move |request: axum::extract::Request| async move {
            let running = endpoint.begin();
            let (head, body) = request.into_parts();
            let upload = Upload::new(&head, body);
            let outcome = async {
                single(&head.headers)?;
                let (body, place) = limits.read_of_stranger(upload, MAX_FORM).await.map_err(unread)?;
                // On the heap: who only waits for its body would else take the room for all that follows.
                Box::pin(place::held(place, function((service, head, body.bytes.clone())))).await
            };
            let outcome = outcome.await;
            running.end(&outcome);
            outcome.unwrap_or_else(|error| answer::error(&error))
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
    let (mut answer, told) = match service.introspect(&credentials, params.get("token")?.unwrap_or_default()).await? {
        Introspection::Active(body) => (answer::line(StatusCode::OK, &body), "active"),
        Introspection::Inactive => (answer::line(StatusCode::OK, br#"{"active":false}"#), "inactive"),
    };
    answer.extensions_mut().insert(Told(told));
    Ok(answer)
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
