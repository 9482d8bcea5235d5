//! What the keys are for: introspection, machine tokens, discovery (contract, `oauth.md`).

mod active;
mod assertion;
mod authentication;
mod claims;
mod client;
mod credentials;
mod discovery;
mod endpoints;
mod error;
mod grants;
mod introspection;
mod machine;
mod revocation;
mod userinfo;

pub use credentials::Credentials;
pub use discovery::{DISCOVERY_PATH, Discovery, Issuer};
pub use endpoints::{OAuth, Parts};
pub use error::{OAuthError, OAuthResult};
pub use grants::TokenRequest;
pub use introspection::Introspection;
