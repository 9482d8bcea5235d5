//! What the server does: every rule, in plain types. A function wants an [`Admitted`](crate::auth::Admitted), looks,
//! decides and writes. Nothing here knows of messages, HTTP or SQL, so every API, page and command calls the same
//! functions.

pub mod app_changes;
pub mod apps;
mod back_channel;
mod chosen;
mod credentials;
mod deps;
pub mod ending;
pub mod idempotency;
pub mod instance;
pub mod keys;
pub mod machine_keys;
mod material;
mod member_rules;
pub mod members;
pub mod memberships;
pub mod metadata;
pub mod oauth;
pub mod oidc;
pub mod oidc_change;
pub mod oidc_config;
mod oidc_stored;
pub mod org_domains;
pub mod orgs;
pub mod outcome;
pub mod project_grants;
pub mod projects;
pub mod removal;
pub mod roles;
mod setup;
pub mod texts;
pub mod tokens;
pub mod user_grants;
pub mod users;
mod validate;
pub mod web_keys;

use std::sync::Arc;

use apps::Apps;
pub use deps::Deps;
use idempotency::Idempotency;
use instance::Instance;
use keys::Keys;
use machine_keys::MachineKeys;
use members::Members;
use memberships::Memberships;
use metadata::Metadata;
use oauth::Issuer;
use org_domains::OrgDomains;
use orgs::Orgs;
use project_grants::ProjectGrants;
use projects::Projects;
use removal::Removal;
use roles::Roles;
pub use setup::setup;
use tokens::Tokens;
use user_grants::UserGrants;
use users::Users;
use web_keys::WebKeys;

use crate::auth::SigningKeys;

/// All services.
#[derive(Clone)]
pub struct Services {
    pub issuer: Arc<Issuer>,
    pub orgs: Arc<Orgs>,
    pub instance: Arc<Instance>,
    /// Removal of organizations.
    pub removal: Arc<Removal>,
    pub org_domains: Arc<OrgDomains>,
    pub metadata: Arc<Metadata>,
    pub users: Arc<Users>,
    pub machine_keys: Arc<MachineKeys>,
    /// Tokens and secrets of machine users.
    pub tokens: Arc<Tokens>,
    pub user_grants: Arc<UserGrants>,
    pub projects: Arc<Projects>,
    pub project_grants: Arc<ProjectGrants>,
    pub roles: Arc<Roles>,
    pub members: Arc<Members>,
    pub memberships: Arc<Memberships>,
    pub apps: Arc<Apps>,
    pub keys: Arc<Keys>,
    /// Signing keys of the server.
    pub web_keys: Arc<WebKeys>,
    /// Answers of calls that change something once.
    pub idempotency: Arc<Idempotency>,
}

impl Services {
    pub fn new(deps: &Deps, signing: &SigningKeys, issuer: Issuer) -> Self {
        Self {
            issuer: Arc::new(issuer),
            orgs: Arc::new(Orgs(deps.clone())),
            instance: Arc::new(Instance(deps.clone())),
            removal: Arc::new(Removal::new(deps.clone())),
            org_domains: Arc::new(OrgDomains(deps.clone())),
            metadata: Arc::new(Metadata(deps.clone())),
            users: Arc::new(Users(deps.clone())),
            machine_keys: Arc::new(MachineKeys(deps.clone())),
            tokens: Arc::new(Tokens(deps.clone())),
            user_grants: Arc::new(UserGrants(deps.clone())),
            projects: Arc::new(Projects(deps.clone())),
            project_grants: Arc::new(ProjectGrants(deps.clone())),
            roles: Arc::new(Roles(deps.clone())),
            members: Arc::new(Members(deps.clone())),
            memberships: Arc::new(Memberships(deps.clone())),
            apps: Arc::new(Apps(deps.clone())),
            keys: Arc::new(Keys::new(deps.clone())),
            web_keys: Arc::new(WebKeys::new(deps.clone(), signing.clone())),
            idempotency: Arc::new(Idempotency::new(deps.clone())),
        }
    }
}
