//! Who we are: issuer, endpoints, and the document that says so (OpenID Connect Discovery 1.0,
//! RFC 8414; contract, `oauth.md` 1). It names what this server does, and nothing that it refuses.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;

/// Where clients find the document, below the issuer (OpenID Connect Discovery 1.0, section 4).
pub const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";
/// Methods by which clients authenticate.
const METHODS: &[&str] = &["client_secret_basic", "client_secret_post", "private_key_jwt"];
/// Algorithms of the assertions with which they do.
const ALGORITHMS: &[&str] = &["RS256", "PS256", "ES256", "ES384", "EdDSA"];

#[derive(Debug, Clone, Serialize)]
pub struct Discovery {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub introspection_endpoint: String,
    pub userinfo_endpoint: String,
    pub revocation_endpoint: String,
    pub jwks_uri: String,
    pub scopes_supported: &'static [&'static str],
    pub response_types_supported: &'static [&'static str],
    pub grant_types_supported: &'static [&'static str],
    pub subject_types_supported: &'static [&'static str],
    pub id_token_signing_alg_values_supported: &'static [&'static str],
    pub token_endpoint_auth_methods_supported: &'static [&'static str],
    pub token_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
    pub revocation_endpoint_auth_methods_supported: &'static [&'static str],
    pub revocation_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
    pub introspection_endpoint_auth_methods_supported: &'static [&'static str],
    pub introspection_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
    pub claims_supported: &'static [&'static str],
    pub request_uri_parameter_supported: bool,
}

/// The server under its name, constant behind any proxy. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Issuer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    discovery: Discovery,
    audiences: HashSet<String>,
}

impl Issuer {
    /// The server as clients know it, and other addresses under which they may reach it; none ends
    /// with a slash.
    pub fn new(issuer: &str, aliases: &[String]) -> Self {
        let mut audiences = HashSet::new();
        for name in aliases.iter().map(String::as_str).chain([issuer]) {
            let names = ["", "/oauth/v2/token", "/oauth/v2/introspect", "/oauth/v2/revoke"];
            audiences.extend(names.map(|path| format!("{name}{path}")));
        }
        Self(Arc::new(Inner { discovery: document(issuer), audiences }))
    }

    pub fn name(&self) -> &str {
        &self.0.discovery.issuer
    }

    /// Whether an assertion with this audience is meant for us.
    pub fn is_audience(&self, audience: &str) -> bool {
        self.0.audiences.contains(audience)
    }

    pub fn discovery(&self) -> &Discovery {
        &self.0.discovery
    }
}

fn document(issuer: &str) -> Discovery {
    let at = |path: &str| format!("{issuer}{path}");
    Discovery {
        issuer: issuer.to_owned(),
        // Strict clients cannot read a document without it; it answers that there is no login here.
        authorization_endpoint: at("/oauth/v2/authorize"),
        token_endpoint: at("/oauth/v2/token"),
        introspection_endpoint: at("/oauth/v2/introspect"),
        userinfo_endpoint: at("/oidc/v1/userinfo"),
        revocation_endpoint: at("/oauth/v2/revoke"),
        jwks_uri: at("/oauth/v2/keys"),
        scopes_supported: &["openid", "profile"],
        response_types_supported: &[],
        grant_types_supported: &["client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
        subject_types_supported: &["public"],
        id_token_signing_alg_values_supported: &["RS256"],
        token_endpoint_auth_methods_supported: METHODS,
        token_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
        revocation_endpoint_auth_methods_supported: METHODS,
        revocation_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
        introspection_endpoint_auth_methods_supported: METHODS,
        introspection_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
        claims_supported: &[
            "sub",
            "aud",
            "exp",
            "iat",
            "iss",
            "auth_time",
            "amr",
            "at_hash",
            "client_id",
            "azp",
            "preferred_username",
            "name",
        ],
        request_uri_parameter_supported: false,
    }
}
