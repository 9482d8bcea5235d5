//! Changes of OpenID Connect clients.

use super::apps::{APP_SET_METHOD, AppAt, AppMethod, Says};
use super::sql::statement;
use super::{Change, Event, EventKind, Recorded, Statement};

pub(super) const APP_SET_OIDC: &str = "UPDATE apps SET auth_method = $4, oidc_config = $5, sequence = $6, \
     changed_at = $7 WHERE org_id = $1 AND project_id = $2 AND id = $3";

/// An OpenID Connect client is registered with something else.
#[derive(Debug)]
pub struct OidcAppChanged<'a> {
    /// Where it is.
    pub at: AppAt<'a>,
    /// How it authenticates from now on.
    pub method: AppMethod,
    /// Whether it authenticated with something of another kind before: keys sleep or wake, a secret is forgotten.
    pub switched: bool,
    /// Its configuration from now on, as `service::oidc_config` stores it.
    pub config: &'a str,
}

impl Change for OidcAppChanged<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Says::method(self.at, self.method).event(EventKind::OidcConfigChanged)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let (at, method) = (self.at, self.method);
        let config = statement!(
            APP_SET_OIDC; at.org_id, at.project_id, at.id, method.number, self.config, event.sequence, event.at,
        );
        if !self.switched {
            return vec![config];
        }
        let method = statement!(
            APP_SET_METHOD; at.org_id, at.project_id, at.id, method.number, method.takes_keys, event.sequence, event.at,
        );
        vec![method, config]
    }
}
