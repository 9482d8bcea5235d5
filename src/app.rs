//! Puts the server together: store, gate, services, routes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use crate::api;
use crate::auth::{Gate, GateParts, SigningKeys, SigningParts, Usage};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::crypto::keypool::KeyPool;
use crate::error::{Error, Result};
use crate::housekeeping::Housekeeping;
use crate::ids::Ids;
use crate::service::oauth::{Issuer, OAuth, Parts};
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
    /// The store.
    pub store: Store,
    /// The key pool.
    pub keys: KeyPool,
    /// Uses of credentials that wait to be written.
    pub usage: Usage,
    /// What is done now and then.
    pub housekeeping: Housekeeping,
    /// Whether this start set up an empty database and wrote the first token.
    pub first_start: bool,
}

impl App {
    /// Connects, brings the schema up to date, sets up an empty database, and builds the routes of a
    /// server that listens on `bound`.
    ///
    /// # Errors
    /// The configuration cannot be used or the store cannot be reached.
    pub async fn build(config: &Config, bound: SocketAddr, replace: Replace) -> Result<Self> {
        let clock = replace.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let remember = Duration::from_millis(config.server.remember);
        let (store, ids) = open(config, config.storage.connections, &clock).await?;
        let store = store.remembered_for(remember);
        let keys = match replace.keys {
            Some(keys) => keys,
            None => KeyPool::start(config.keys.pool, config.key_threads()).map_err(Error::internal)?,
        };
        let deps = Deps { store, ids, keys, domain: config.domain().into() };
        let first = First { token_file: &config.admin_pat_file(), now: clock.now() };
        let first_start = setup(&deps, &first).await?;
        let signing = SigningKeys::new(SigningParts {
            store: deps.store.clone(),
            ids: Arc::clone(&deps.ids),
            pool: deps.keys.clone(),
            vault: config.vault()?,
            clock: Arc::clone(&clock),
        });
        signing.check().await?;
        let usage = Usage::default();
        let common = Common { config, bound, deps, clock, signing, usage };
        common.build(first_start).await
    }

    /// The signing keys of a server that has been set up, without the server.
    ///
    /// # Errors
    /// As [`App::build`].
    pub async fn signing_keys(config: &Config) -> Result<(Store, SigningKeys)> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (store, ids) = open(config, 2, &clock).await?;
        let pool = KeyPool::start(0, 0).map_err(Error::internal)?;
        let parts = SigningParts { store: store.clone(), ids, pool, vault: config.vault()?, clock };
        Ok((store, SigningKeys::new(parts)))
    }

    /// Ends what runs beside the requests, and closes the store. To be called once no request is in
    /// work any more.
    pub async fn stop(&self) {
        self.housekeeping.stop().await;
        self.keys.stop();
        self.store.close().await;
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

/// The store with its schema up to date, and a maker of identifiers that no other process has.
async fn open(config: &Config, connections: u32, clock: &Arc<dyn Clock>) -> Result<(Store, Arc<Ids>)> {
    let store = Store::connect(&config.target().map_err(Error::internal)?, connections).await?;
    store.migrate().await?;
    let ids = Ids::new(Arc::clone(clock), store.node_take().await?);
    Ok((store, Arc::new(ids)))
}

/// What the parts of a server share.
struct Common<'a> {
    config: &'a Config,
    bound: SocketAddr,
    deps: Deps,
    clock: Arc<dyn Clock>,
    signing: SigningKeys,
    usage: Usage,
}

impl Common<'_> {
    async fn build(self, first_start: bool) -> Result<App> {
        let Self { config, bound, deps, clock, signing, usage } = self;
        let instance = deps.store.instance().await?;
        let project_id = instance.ok_or_else(|| Error::internal("the server has not been set up"))?.iam_project_id;
        let issuer = Issuer::new(&config.issuer(bound), &config.server.issuer_aliases);
        let gate = Gate::new(GateParts {
            store: deps.store.clone(),
            clock: Arc::clone(&clock),
            signing: signing.clone(),
            usage: usage.clone(),
            issuer: issuer.name().into(),
            project_id: project_id.clone(),
        });
        let (access_lifetime, id_lifetime) = config.lifetimes();
        let housekeeping =
            Housekeeping::start(deps.store.clone(), usage.clone(), Arc::clone(&clock), config.intervals());
        let services = Services::new(&deps);
        let oauth = OAuth::new(Parts {
            deps: deps.clone(),
            signing: signing.clone(),
            usage: usage.clone(),
            clock,
            issuer,
            project_id,
            access_lifetime,
            id_lifetime,
        });
        // Made now, so that the first token need not wait for primes; who comes earlier waits.
        tokio::spawn(async move {
            if let Err(error) = signing.ring().await {
                tracing::error!(error = ?error.source, "the signing keys cannot be made");
            }
        });
        let router = api::router(api::Parts {
            services: services.clone(),
            oauth: Arc::new(oauth),
            gate: gate.clone(),
            store: deps.store.clone(),
            keys: deps.keys.clone(),
            bound: config.bound(),
        });
        Ok(App { router, services, gate, store: deps.store, keys: deps.keys, usage, housekeeping, first_start })
    }
}

/// A path as one word of a shell command.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
