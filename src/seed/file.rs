//! What a seed file can hold. What is left out of something that is there already stays as it is; of something new it
//! gets its default.

use super::metadata::Metadata;
use super::shape::{choice, record};
use super::value::{Name, Place, PublicKey, Secret, Skew, Text, Time, Uris};

record! {
    /// Objects that a Claviger server is to have. What the file does not name is left alone.
    Seed {
        /// Organizations, with all that is in them.
        many organizations: Org,
        /// Members of the instance.
        many members: Member,
    }
}

record! {
    /// An organization.
    Org {
        /// Its own identifier; `_org` is the one that the server made for itself.
        must id: Name,
        /// Its name. Needed for a new one.
        may name: Name,
        /// Whether it is in use.
        may state: State,
        /// Its domains.
        many domains: Domain,
        /// Values that are kept with it.
        may metadata: Metadata,
        /// Its machine users.
        many users: Machine,
        /// Its projects.
        many projects: Project,
        /// Its members.
        many members: Member,
        /// Roles that it grants to users, in projects of its own or such that are granted to it.
        many user_grants: UserGrant,
    }
}

record! {
    /// A domain of an organization.
    Domain {
        /// The domain.
        must name: Name,
        /// Whether it is the primary one.
        may primary: bool,
    }
}

record! {
    /// A machine user.
    Machine {
        /// Its own identifier; `_admin` is the first user that the server made for itself.
        must id: Name,
        /// Its login name and client id, unique on the server. A new one has its identifier for it.
        may user_name: Name,
        /// Its display name. Needed for a new one.
        may name: Name,
        /// Free text.
        may description: Text<0, 500>,
        /// What kind of access tokens it gets.
        may token_type: TokenType,
        /// Whether it may act.
        may state: UserState,
        /// Values that are kept with it.
        may metadata: Metadata,
        /// Its client secret.
        may secret: Secret,
        /// Its keys.
        many keys: AnyKey,
        /// Its personal access tokens.
        many tokens: Token,
    }
}

record! {
    /// A key of an application or a machine user: the public key that somebody brings, or a pair that is made here.
    AnyKey {
        /// Its own identifier: `kid` of what it signs.
        must id: Name,
        /// When it ends; never, if this is left out.
        may expires: Time,
        /// The public key that somebody brings: PEM, or a file that holds it.
        may public_key: PublicKey,
        /// Where the key file goes of a pair that is made here. It must not be there yet.
        may write: Place,
    }
}

record! {
    /// A personal access token, which is made here.
    Token {
        /// Its own identifier.
        must id: Name,
        /// When it ends; never, if this is left out.
        may expires: Time,
        /// Where the token goes. Needed for a new one. It must not be there yet.
        may write: Place,
        /// It stays if it is there, and is not made if it is not: so an export says it, which has no tokens.
        may kept: bool,
    }
}

record! {
    /// A project.
    Project {
        /// Its own identifier; `_project` is the one that the server made for itself.
        must id: Name,
        /// Its name. Needed for a new one.
        may name: Name,
        /// Whether it is in use.
        may state: State,
        /// Roles are put into tokens.
        may role_assertion: bool,
        /// Users need a role to use it.
        may role_check: bool,
        /// Organizations need a grant to use it.
        may grant_check: bool,
        /// Whose branding is shown.
        may private_labeling: Labeling,
        /// Its roles.
        many roles: Role,
        /// Its applications.
        many apps: App,
        /// Its members.
        many members: Member,
        /// Organizations that may use parts of it.
        many grants: ProjectGrant,
    }
}

record! {
    /// A role of a project.
    Role {
        /// Its key.
        must key: Name,
        /// Its name for people. A new one has its key for it.
        may name: Name,
        /// Its group for people.
        may group: Text<0, 200>,
    }
}

record! {
    /// An application of a project: an API, or an OpenID Connect client.
    App {
        /// Its own identifier.
        must id: Name,
        /// Its name. Needed for a new one.
        may name: Name,
        /// Whether it is in use.
        may state: State,
        /// Its client id. A new one gets one from the server if this is left out.
        may client_id: Name,
        /// Its client secret. If this is left out, the one that is there stays.
        may secret: Secret,
        /// That it is an API, and how.
        may api: Api,
        /// That it is an OpenID Connect client, and how.
        may oidc: Oidc,
        /// Its keys.
        many keys: AnyKey,
    }
}

record! {
    /// What an API is.
    Api {
        /// How it authenticates. A new one has a secret.
        may auth_method: ApiMethod,
    }
}

record! {
    /// What an OpenID Connect client is registered with.
    Oidc {
        /// Where it runs.
        may app_type: AppType,
        /// How it authenticates.
        may auth_method: OidcMethod,
        /// Where answers may be sent.
        may redirect_uris: Uris,
        /// Where browsers may be sent after a sign-out.
        may post_logout_redirect_uris: Uris,
        /// Origins that may call, beside those of the redirect URIs.
        may additional_origins: Uris,
        /// What it may ask for.
        many response_types: ResponseKind,
        /// What it may trade.
        many grant_types: GrantKind,
        /// What kind of access tokens it gets.
        may access_token_type: TokenType,
        /// Rules on redirect URIs are not enforced.
        may dev_mode: bool,
        /// Roles are put into access tokens.
        may access_token_role_assertion: bool,
        /// Roles are put into ID tokens.
        may id_token_role_assertion: bool,
        /// Claims of userinfo are put into ID tokens.
        may id_token_userinfo_assertion: bool,
        /// How far clocks may differ, such as 1.5s; at most 5s.
        may clock_skew: Skew,
        /// Native clients get their answer without a page in between.
        may skip_native_app_success_page: bool,
        /// Who is told of a sign-out.
        may back_channel_logout_uri: Text<0, 2048>,
        /// Which login it uses.
        may login: LoginKind,
        /// Address of the newer login.
        may login_uri: Text<1, 2048>,
    }
}

record! {
    /// A member: a user with roles of the server itself, such as ORG_OWNER.
    Member {
        /// Identifier of the user, of any organization.
        must user: Name,
        /// Its roles.
        many roles: Name,
    }
}

record! {
    /// A part of a project that another organization may use.
    ProjectGrant {
        /// Identifier of that organization.
        must organization: Name,
        /// Keys of the roles that its users may have.
        many roles: Name,
        /// Whether it is in use.
        may state: State,
        /// Its members.
        many members: Member,
    }
}

record! {
    /// Roles of a project that a user has.
    UserGrant {
        /// Identifier of the user, of any organization.
        must user: Name,
        /// Identifier of the project.
        must project: Name,
        /// Keys of the roles.
        many roles: Name,
        /// Whether it is in use.
        may state: State,
    }
}

choice! {
    /// Whether something is in use.
    State { "active" = 1, "inactive" = 2, }
}
choice! {
    /// Whether a user may act.
    UserState { "active" = 1, "inactive" = 2, "locked" = 4, }
}
choice! {
    /// Kind of access tokens.
    TokenType { "bearer" = 0, "jwt" = 1, }
}
choice! {
    /// Whose branding is shown.
    Labeling { "unspecified" = 0, "enforce_project" = 1, "allow_user" = 2, }
}
choice! {
    /// How an API authenticates.
    ApiMethod { "basic" = 0, "private_key_jwt" = 1, }
}
choice! {
    /// Where a client runs.
    AppType { "web" = 0, "user_agent" = 1, "native" = 2, }
}
choice! {
    /// How a client authenticates.
    OidcMethod { "basic" = 0, "post" = 1, "none" = 2, "private_key_jwt" = 3, }
}
choice! {
    /// What the authorization endpoint answers with.
    ResponseKind { "code" = 0, "id_token" = 1, "id_token_token" = 2, }
}
choice! {
    /// What a client trades for tokens.
    GrantKind {
        "authorization_code" = 0, "implicit" = 1, "refresh_token" = 2, "device_code" = 3, "token_exchange" = 4,
    }
}
choice! {
    /// Which login a client uses.
    LoginKind { "default" = 0, "v1" = 1, "v2" = 2, }
}
