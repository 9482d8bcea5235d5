//! What the server does. Each function answers one RPC: admit, validate, decide, write, answer.
//! Nothing here knows of HTTP or SQL.

mod apps;
mod changes;
mod grant_search;
mod health;
mod keys;
mod machine_keys;
mod members;
pub mod oauth;
mod oidc;
mod oidc_config;
mod orgs;
mod projects;
mod roles;
mod setup;
mod tokens;
mod user_grants;
mod user_search;
mod users;
mod validate;

use std::sync::Arc;

pub use apps::Apps;
pub use health::Health;
pub use keys::Keys;
pub use machine_keys::MachineKeys;
pub use members::Members;
pub use orgs::Orgs;
pub use projects::Projects;
pub use roles::Roles;
pub use setup::{First, setup};
pub use tokens::Tokens;
pub use user_grants::UserGrants;
pub use users::Users;

use crate::crypto::keypool::KeyPool;
use crate::ids::Ids;
use crate::store::Store;

/// What service functions work with.
#[derive(Clone)]
pub struct Deps {
    /// The store.
    pub store: Store,
    /// Makes identifiers.
    pub ids: Arc<Ids>,
    /// Gives key pairs.
    pub keys: KeyPool,
    /// Domain under which organizations get theirs: the host of the issuer.
    pub domain: Arc<str>,
}

/// All services.
#[derive(Clone)]
pub struct Services {
    /// Health.
    pub health: Arc<Health>,
    /// Organizations.
    pub orgs: Arc<Orgs>,
    /// Users.
    pub users: Arc<Users>,
    /// Keys of machine users.
    pub machine_keys: Arc<MachineKeys>,
    /// Tokens and secrets of machine users.
    pub tokens: Arc<Tokens>,
    /// User grants.
    pub user_grants: Arc<UserGrants>,
    /// Projects.
    pub projects: Arc<Projects>,
    /// Roles of projects.
    pub roles: Arc<Roles>,
    /// Members of projects.
    pub members: Arc<Members>,
    /// Applications.
    pub apps: Arc<Apps>,
    /// Application keys.
    pub keys: Arc<Keys>,
}

impl Services {
    /// All services over the same dependencies.
    pub fn new(deps: &Deps) -> Self {
        Self {
            health: Arc::new(Health),
            orgs: Arc::new(Orgs(deps.clone())),
            users: Arc::new(Users(deps.clone())),
            machine_keys: Arc::new(MachineKeys(deps.clone())),
            tokens: Arc::new(Tokens(deps.clone())),
            user_grants: Arc::new(UserGrants(deps.clone())),
            projects: Arc::new(Projects(deps.clone())),
            roles: Arc::new(Roles(deps.clone())),
            members: Arc::new(Members(deps.clone())),
            apps: Arc::new(Apps(deps.clone())),
            keys: Arc::new(Keys::new(deps.clone())),
        }
    }
}
