//! Puts the server together: store, gate, services, routes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use crate::api::{self, Routes};
use crate::auth::{Gate, GateParts, SigningKeys, SigningParts, Usage};
use crate::config::Config;
use crate::crypto::keypool::{KeyPool, Size};
use crate::crypto::vault::Vault;
use crate::env::{Env, Sources};
use crate::error::{Error, Result};
use crate::files::shell_word;
use crate::housekeeping::{Chores, Housekeeping, Swept};
use crate::lock::ServerLock;
use crate::opening::{Opened, Purpose};
use crate::service::ending::Ending;
use crate::service::oauth::{Issuer, OAuth, Parts};
use crate::service::{Deps, Services, setup};
use crate::shutdown::Shutdown;
use crate::start::StartError;
use crate::store::Store;

/// What tests replace: everything else follows from the configuration.
#[derive(Default)]
pub struct Replace {
    /// Other sources of time and randomness than the system's.
    pub sources: Sources,
    /// Another source of key pairs than the configured pool.
    pub keys: Option<KeyPool>,
}

/// A server ready to serve.
pub struct App {
    /// All routes.
    pub router: Router,
    /// Metrics and probes, for those who run the server.
    pub admin: Router,
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
    /// Tells the server to stop.
    pub shutdown: Shutdown,
    /// Whether this start set up an empty database and wrote the first token.
    pub first_start: bool,
    /// Keeps other servers away from a SQLite file.
    lock: Option<ServerLock>,
}

impl App {
    /// Connects, brings the schema up to date, sets up an empty database, and builds the routes of a
    /// server that listens on `bound`.
    ///
    /// # Errors
    /// The configuration cannot be used or the store cannot be reached.
    pub async fn build(config: &Config, bound: SocketAddr, replace: Replace) -> std::result::Result<Self, StartError> {
        let Replace { sources, keys } = replace;
        let mut opened = Opened::open(config, config.storage.connections, sources, Purpose::Serve).await?;
        match Self::on(config, bound, &mut opened, keys).await {
            Ok(app) => Ok(Self { lock: opened.lock.take(), ..app }),
            Err(error) => Err(opened.abandon(error).await),
        }
    }

    async fn on(
        config: &Config,
        bound: SocketAddr,
        opened: &mut Opened,
        keys: Option<KeyPool>,
    ) -> std::result::Result<Self, StartError> {
        let env = opened.env.clone();
        let remember = Duration::from_millis(config.server.remember);
        let store = opened.store.clone().remembered_for(remember, Arc::clone(&env.time));
        let keys = match keys {
            Some(keys) => keys,
            None => key_pool(config.key_pool(), config.key_threads(), &env)?,
        };
        let deps = Deps { store, env, keys, domain: config.domain().into() };
        let token_file = config.admin_pat_file();
        opened.token_file(&token_file).await?;
        let vault = opened.vault(config)?;
        let first_start = setup(&deps, &token_file).await?;
        opened.keep();
        let signing = signing_keys(&deps.store, &deps.env, deps.keys.clone(), vault);
        signing.check().await?;
        let usage = Usage::new(&deps.store, Arc::clone(&deps.env.clock));
        let common = Common { config, bound, deps, signing, usage };
        Ok(common.build(first_start).await?)
    }

    /// The signing keys of a server that has been set up, without the server: it may run beside.
    ///
    /// # Errors
    /// As [`App::build`], and when nothing has been set up.
    pub async fn signing_keys(config: &Config) -> std::result::Result<(Store, SigningKeys), StartError> {
        let mut opened = Opened::open(config, 2, Sources::default(), Purpose::SigningKeys).await?;
        let pool = key_pool(Size { stock: 0, waiting: 1 }, 1, &opened.env)?;
        let vault = opened.vault(config)?;
        opened.keep();
        let keys = signing_keys(&opened.store, &opened.env, pool, vault);
        Ok((opened.store, keys))
    }

    /// Ends what runs beside the requests, and closes the store. To be called once no request is in
    /// work any more.
    pub async fn stop(&self) {
        self.housekeeping.stop().await;
        self.keys.stop();
        self.store.close().await;
        if let Some(lock) = &self.lock {
            lock.release();
        }
    }

    /// What a person at the terminal wants to know after the start.
    pub fn greeting(&self, config: &Config, bound: SocketAddr, admin: Option<SocketAddr>) -> String {
        let token = config.admin_pat_file();
        let token = std::path::absolute(&token).unwrap_or(token);
        let url = config.issuer(bound);
        let new = if self.first_start { " (new)" } else { "" };
        let metrics = admin.map(|at| format!("\nMetrics: http://{at}/metrics")).unwrap_or_default();
        format!(
            "Claviger {} listens on {bound}, issuer {url}{metrics}\nToken{new}: {}\nTry:  curl -H \"Authorization: Bearer $(cat {})\" {url}/management/v1/orgs/me",
            env!("CARGO_PKG_VERSION"),
            token.display(),
            shell_word(&token),
        )
    }
}

/// A pool of key pairs with random bytes of its own: it is filled beside the requests.
fn key_pool(size: Size, fillers: usize, env: &Env) -> std::result::Result<KeyPool, StartError> {
    KeyPool::start(size, fillers, &env.random.branch("key pairs")).map_err(StartError::Threads)
}

/// Signing keys, with random bytes of their own for the same reason.
fn signing_keys(store: &Store, env: &Env, pool: KeyPool, vault: Vault) -> SigningKeys {
    SigningKeys::new(SigningParts { store: store.clone(), env: env.branch("signing keys"), pool, vault })
}

/// Makes the signing keys now, so that the first token need not wait for primes; who comes earlier waits.
async fn made_early(signing: SigningKeys) {
    if let Err(error) = signing.ring().await {
        tracing::error!(error = ?error.source, "the signing keys cannot be made");
    }
}

/// What the parts of a server share.
struct Common<'a> {
    config: &'a Config,
    bound: SocketAddr,
    deps: Deps,
    signing: SigningKeys,
    usage: Usage,
}

impl Common<'_> {
    async fn build(self, first_start: bool) -> Result<App> {
        let Self { config, bound, deps, signing, usage } = self;
        let instance = deps.store.instance().await?;
        let project_id = instance.ok_or_else(|| Error::internal("the server has not been set up"))?.iam_project_id;
        let issuer = Issuer::new(&config.issuer(bound), &config.server.issuer_aliases);
        let gate = Gate::new(GateParts {
            store: deps.store.clone(),
            env: deps.env.clone(),
            signing: signing.clone(),
            usage: usage.clone(),
            issuer: issuer.name().into(),
            project_id: project_id.clone(),
        });
        let (access_lifetime, id_lifetime) = config.lifetimes();
        let services = Services::new(&deps, &signing, issuer.clone());
        let removal = (*services.removal).clone();
        let (ending, swept) = (Ending::default(), Swept::default());
        let housekeeping = Housekeeping::start(
            Chores {
                store: deps.store.clone(),
                usage: usage.clone(),
                env: deps.env.clone(),
                removal,
                ending: ending.clone(),
                swept: swept.clone(),
            },
            config.intervals(),
        );
        let oauth = OAuth::new(Parts {
            deps: deps.clone(),
            signing: signing.clone(),
            usage: usage.clone(),
            issuer,
            project_id,
            access_lifetime,
            id_lifetime,
        });
        tokio::spawn(made_early(signing));
        let shutdown = Shutdown::default();
        let Routes { public: router, admin } = api::router(api::Parts {
            services: services.clone(),
            oauth: Arc::new(oauth),
            gate: gate.clone(),
            store: deps.store.clone(),
            random: deps.env.random.branch("request ids"),
            time: Arc::clone(&deps.env.time),
            keys: deps.keys.clone(),
            ending,
            swept,
            bound: config.bound(),
            reflection: config.server.reflection,
            shutdown: shutdown.clone(),
            access_log: config.log.access,
        });
        let Deps { store, keys, .. } = deps;
        Ok(App { router, admin, services, gate, store, keys, usage, housekeeping, shutdown, first_start, lock: None })
    }
}
