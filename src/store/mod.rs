//! Storage. Everything that is SQL lives below this module; every statement is written once and
//! runs unchanged on SQLite and PostgreSQL.
//!
//! [`Store`] reads; [`Store::work`] is the one way to write. What a unit of work changes it records: events and
//! the rows that follow from them, so nobody can change a row without its audit trail.

mod access_tokens;
mod app_search;
mod apps;
mod bootstrap;
mod builder;
mod cache;
mod change_list;
mod changes;
mod claim;
mod connect;
mod counts;
mod credential_search;
mod credentials;
mod engine;
mod error;
mod events;
mod executor;
mod filter;
mod flight;
mod gate;
mod handle;
mod held;
mod idempotency;
mod keys;
mod kinds;
mod lease;
mod limits;
mod link;
mod lists;
mod load;
mod look;
mod members;
mod memberships;
mod memory;
mod metadata;
mod migrations;
mod nodes;
mod oauth_clients;
mod oidc_apps;
mod org_domains;
mod org_removal;
mod org_search;
mod orgs;
mod pools;
mod present;
mod project_grant_changes;
mod project_grants;
mod project_search;
mod projects;
mod readiness;
mod roles;
mod rows;
mod shelf;
mod signing_keys;
mod sql;
mod statements;
mod states;
mod target;
mod texts;
mod transaction;
mod usage;
mod user_grant_search;
mod user_grants;
mod user_search;
mod users;
mod work;
mod writer;
mod writers;

pub use access_tokens::{TokenInsert, TokenRow};
pub use app_search::{AppFilter, AppKeyFilter, AppKeyOrder, AppKeyRow, AppOrder, Placed};
pub use apps::{
    AppAdded, AppAt, AppConfig, AppMethod, AppMethodChanged, AppPlace, AppRemoved, AppRenamed, AppSecretChanged,
    AppSwitched, AppTaken,
};
pub use bootstrap::{DefaultOrgSet, InstanceRow};
pub use cache::{Answer, Cache, Found, Verdict};
pub use change_list::ChangePage;
pub use changes::Asked;
pub use claim::Claim;
pub use counts::{Connections, Groups, Statements};
pub use credential_search::{CredentialFilter, CredentialOrder, OwnedCredentialRow};
pub use credentials::{Credential, CredentialAdded, CredentialRemoved};
pub use engine::Engine;
pub use error::{Result, StoreError};
pub use events::{Aggregate, AggregateKind, Change, Event, Recorded};
pub use filter::{SeenBy, TextFilter, TextMatch, TimeFilter, TimeMatch, Within};
pub use handle::Store;
pub use held::{Alone, Held};
pub use idempotency::UsedKeyRow;
pub use keys::{AppKeyAdded, AppKeyRemoved};
pub use kinds::EventKind;
pub use limits::Limits;
pub use lists::{Listed, Page};
pub use load::EndingRow;
pub use look::{Look, LookError, sqlite_files};
pub use members::{Beside, GrantScope, HeldRolesRow, MemberAdded, MemberChanged, MemberOrder, MemberRemoved, Scope};
pub use memberships::{MembershipFilter, MembershipRow};
pub use memory::{BUDGET, Heap, Holder, Remembered};
pub use metadata::{MetadataEntry, MetadataHeld, MetadataOwner, MetadataRemoved, MetadataSet};
pub use oauth_clients::{ClientRow, MachineRow, RolesRow};
pub use oidc_apps::OidcAppChanged;
pub use org_domains::{DomainAdded, DomainMoved, DomainOrder, DomainRemoved, PrimaryDomainSet};
pub use org_removal::{Leaving, LeavingRow, LeavingThing, OrgRemoved, Swept};
pub use org_search::{OrgFilter, OrgOrder};
pub use orgs::{OrgAdded, OrgRenamed, OrgSwitched, OrgTaken};
pub use present::{
    FirstRow, KeptRow, MaterialRow, MembershipOf, Named, OrgIs, OwnedDomainRow, OwnedRoleRow, ProjectGrantOf,
    ProjectOf, SecretAppRow, SecretUserRow, UserGrantOf,
};
pub use project_grant_changes::{ProjectGrantAdded, ProjectGrantChanged, ProjectGrantRemoved, ProjectGrantSwitched};
pub use project_grants::{
    ProjectGrantAt, ProjectGrantFilter, ProjectGrantHeld, ProjectGrantName, ProjectGrantOrder, ProjectGrantRow,
    ProjectGrantsOf,
};
pub use project_search::{Having, ListedProjectRow, ProjectFilter, ProjectOrder, ProjectsSeen, RoleOrder};
pub use projects::{OwnedProjectRow, ProjectAdded, ProjectChanged, ProjectRemoved, ProjectSwitched, ProjectValues};
pub use roles::{ProjectAt, RoleAdded, RoleChanged, RoleFilter, RoleRemoved, RoleValues};
pub use rows::*;
pub use signing_keys::{SigningKeyAdded, SigningKeyRemoved, SigningKeyRow, SigningKeySwitched};
pub use sql::{Rows, Sql, Statement};
pub use statements::ALL as STATEMENTS;
pub use states::{AppKind, OrgState, SigningState, State, UserState};
pub use target::{Target, target_of};
pub use texts::{fold, names};
pub use usage::Credentials;
pub use user_grant_search::GrantFilter;
pub use user_grants::{
    GrantAdded, GrantAt, GrantChanged, GrantHeld, GrantIn, GrantPlace, GrantRemoved, GrantSwitched, GrantsOf,
};
pub use user_search::{UserFilter, UserOrder};
pub use users::{
    HandleRow, MachineAdded, MachineChanged, MachineSecretSet, MachineValues, UserAt, UserRemoved, UserRenamed,
    UserSwitch, UserSwitched,
};
pub use work::{Actor, Work};
