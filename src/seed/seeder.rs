//! What it takes to bring a server to what a file says.

use std::sync::Arc;

use crate::auth::Admitted;
use crate::crypto::keypool::KeyPool;
use crate::env::Env;
use crate::service::Services;

/// Brings a server to what files say.
pub struct Seeder {
    /// All services.
    pub services: Services,
    /// Time and randomness.
    pub env: Env,
    /// Makes key pairs.
    pub keys: KeyPool,
    /// Domain below which organizations get theirs.
    pub domain: Arc<str>,
}

impl Seeder {
    /// The server itself, as it acts in an organization.
    pub(super) fn who(&self, org: &str) -> Admitted {
        Admitted::server(org, self.env.clock.now())
    }
}
