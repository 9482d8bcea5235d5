//! Puts the server together: store, gate, services, routes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use zeroize::Zeroizing;

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
use crate::seed::Seeder;
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
    /// Whether this start set up an empty database and made the first token.
    pub first_start: bool,
    /// Brings it to what a seed file says.
    pub seeder: Seeder,
    /// The first token, if no file has it.
    token: Option<Zeroizing<String>>,
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
        if let Some(file) = &token_file {
            opened.token_file(file).await?;
        }
        let vault = opened.vault(config)?;
        let token = setup(&deps, token_file.as_deref()).await?;
        opened.keep();
        let signing = signing_keys(&deps.store, &deps.env, deps.keys.clone(), vault);
        signing.check().await?;
        let usage = Usage::new(&deps.store, Arc::clone(&deps.env.clock));
        let common = Common { config, bound, deps, signing, usage };
        let app = common.build().await?;
        Ok(Self { first_start: token.is_some(), token: token.filter(|_| token_file.is_none()), ..app })
    }

    /// The signing keys of a server that has been set up, without the server: it may run beside.
    ///
    /// # Errors
    /// As [`App::build`], and when nothing has been set up.
    pub async fn signing_keys(config: &Config) -> std::result::Result<(Store, SigningKeys), StartError> {
        let mut opened = Opened::open(config, 2, Sources::default(), Purpose::Beside).await?;
        let pool = key_pool(Size { stock: 0, waiting: 1 }, 1, &opened.env)?;
        let vault = opened.vault(config)?;
        opened.keep();
        let keys = signing_keys(&opened.store, &opened.env, pool, vault);
        Ok((opened.store, keys))
    }

    /// A server that has been set up as seed files see it, without the server.
    ///
    /// # Errors
    /// As [`App::build`], and when nothing has been set up.
    pub async fn seeder(config: &Config, purpose: Purpose) -> std::result::Result<Offline, StartError> {
        let mut opened = Opened::open(config, config.storage.connections, Sources::default(), purpose).await?;
        let pool = key_pool(Size { stock: 0, waiting: 1000 }, 1, &opened.env)?;
        let vault = opened.vault(config)?;
        opened.keep();
        let (store, env, keys) = (opened.store.clone(), opened.env.clone(), pool);
        let deps = Deps { store: store.clone(), env, keys, domain: config.domain().into() };
        let signing = signing_keys(&deps.store, &deps.env, deps.keys.clone(), vault);
        let issuer = Issuer::new(&config.issuer(config.server.listen), &config.server.issuer_aliases);
        let services = Services::new(&deps, &signing, issuer);
        let Deps { env, keys, domain, .. } = deps;
        Ok(Offline { seeder: Seeder { services, env, keys, domain }, store, lock: opened.lock.take() })
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
        let url = config.issuer(bound);
        let new = if self.first_start { " (new)" } else { "" };
        let (token, bearer) = self.way_in(config);
        let metrics = admin.map(|at| format!("\nMetrics: http://{at}/metrics")).unwrap_or_default();
        let memory = if config.storage.ephemeral { "; everything is in memory, and goes with it" } else { "" };
        format!(
            "Claviger {} listens on {bound}, issuer {url}{memory}{metrics}\nToken{new}: {token}\nTry:  curl -H \"Authorization: Bearer {bearer}\" {url}/management/v1/orgs/me",
            env!("CARGO_PKG_VERSION"),
        )
    }

    /// The first token, or where it is, and how a shell gets at it.
    fn way_in(&self, config: &Config) -> (String, String) {
        if let Some(token) = &self.token {
            return (token.to_string(), token.to_string());
        }
        let file = config.admin_pat_file().unwrap_or_default();
        let file = std::path::absolute(&file).unwrap_or(file);
        (file.display().to_string(), format!("$(cat {})", shell_word(&file)))
    }
}

/// What works on the data of a server beside it, or while there is none.
pub struct Offline {
    /// Brings it to what a seed file says.
    pub seeder: Seeder,
    store: Store,
    lock: Option<ServerLock>,
}

impl Offline {
    /// Closes the store.
    pub async fn stop(self) {
        self.seeder.keys.stop();
        self.store.close().await;
        drop(self.lock);
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

/// What lets callers in, under the name of this server and for its project.
fn gate(deps: &Deps, signing: &SigningKeys, usage: &Usage, (issuer, project_id): (&Issuer, &str)) -> Gate {
    Gate::new(GateParts {
        store: deps.store.clone(),
        env: deps.env.clone(),
        signing: signing.clone(),
        usage: usage.clone(),
        issuer: issuer.name().into(),
        project_id: project_id.to_owned(),
    })
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
    async fn build(self) -> Result<App> {
        let Self { config, bound, deps, signing, usage } = self;
        let instance = deps.store.instance().await?;
        let project_id = instance.ok_or_else(|| Error::internal("the server has not been set up"))?.iam_project_id;
        let issuer = Issuer::new(&config.issuer(bound), &config.server.issuer_aliases);
        let gate = gate(&deps, &signing, &usage, (&issuer, &project_id));
        let (access_lifetime, id_lifetime) = config.lifetimes();
        let services = Services::new(&deps, &signing, issuer.clone());
        let removal = (*services.removal).clone();
        let (ending, swept) = (Ending::default(), Swept::default());
        let Deps { store, env, .. } = deps.clone();
        let usage_too = usage.clone();
        let chores = Chores { store, usage: usage_too, env, removal, ending: ending.clone(), swept: swept.clone() };
        let housekeeping = Housekeeping::start(chores, config.intervals());
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
        let Deps { store, env, keys, domain } = deps;
        let seeder = Seeder { services: services.clone(), env, keys: keys.clone(), domain };
        Ok(App {
            router,
            admin,
            services,
            gate,
            store,
            keys,
            usage,
            housekeeping,
            shutdown,
            first_start: false,
            seeder,
            token: None,
            lock: None,
        })
    }
}
