//! Puts the server together: store, gate, services, routes.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;

use crate::api;
use crate::auth::Gate;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::crypto::keypool::KeyPool;
use crate::error::{Error, Result};
use crate::ids::Ids;
use crate::service::{Deps, First, Services, setup};
use crate::store::Store;

/// What tests replace: everything else follows from the configuration.
#[derive(Default)]
pub struct Replace {
    /// Another clock than the system's.
    pub clock: Option<Arc<dyn Clock>>,
    /// Another source of key pairs than the configured pool.
    pub keys: Option<KeyPool>,
}

/// A server ready to serve.
pub struct App {
    /// All routes.
    pub router: Router,
    /// The service functions, for the coverage test.
    pub services: Services,
    /// Lets callers in.
    pub gate: Gate,
    /// The store, to be closed last.
    pub store: Store,
    /// The key pool, to be stopped at the end.
    pub keys: KeyPool,
    /// Whether this start set up an empty database and wrote the first token.
    pub first_start: bool,
}

impl App {
    /// Connects, brings the schema up to date, sets up an empty database, and builds the routes.
    ///
    /// # Errors
    /// The configuration cannot be used or the store cannot be reached.
    pub async fn build(config: &Config, replace: Replace) -> Result<Self> {
        let clock = replace.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let target = config.target().map_err(Error::internal)?;
        let store = Store::connect(&target, config.storage.connections).await?;
        store.migrate().await?;
        let ids = Arc::new(Ids::new(Arc::clone(&clock), store.node_take().await?));
        let keys = match replace.keys {
            Some(keys) => keys,
            None => KeyPool::start(config.keys.pool, config.key_threads()).map_err(Error::internal)?,
        };
        let deps = Deps { store, ids, keys, domain: config.domain().into() };
        let first = First { token_file: &config.admin_pat_file(), now: clock.now() };
        let first_start = setup(&deps, &first).await?;
        let gate = Gate::new(deps.store.clone(), clock);
        let services = Services::new(&deps);
        let router = api::router(api::Parts {
            services: services.clone(),
            gate: gate.clone(),
            store: deps.store.clone(),
            ids: deps.ids,
            deadline: config.request_timeout(),
            concurrency: config.server.max_concurrent_requests,
        });
        Ok(Self { router, services, gate, store: deps.store, keys: deps.keys, first_start })
    }

    /// What a person at the terminal wants to know after the start.
    pub fn greeting(&self, config: &Config, bound: SocketAddr) -> String {
        let token = config.admin_pat_file();
        let token = std::path::absolute(&token).unwrap_or(token);
        let url = config.issuer(bound);
        let new = if self.first_start { " (new)" } else { "" };
        format!(
            "Claviger {} listens on {bound}, issuer {url}\nToken{new}: {}\nTry:  curl -H \"Authorization: Bearer $(cat {})\" {url}/management/v1/orgs/me",
            env!("CARGO_PKG_VERSION"),
            token.display(),
            shell_word(&token.display().to_string()),
        )
    }
}

/// A path as one word of a shell command.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
