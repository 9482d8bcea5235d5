//! The first start on an empty database: an organization, its project `ZITADEL`, a machine user with
//! every right, and a token for it (design, section 2).

use std::path::Path;

use serde_json::json;
use zeroize::Zeroizing;

use super::Deps;
use super::orgs::{self, NewOrg};
use crate::clock::{Micros, NEVER};
use crate::crypto::secrets;
use crate::error::{Error, Result};
use crate::files;
use crate::opening::{TOKEN, draft_of};
use crate::store::{
    Aggregate, AggregateKind, Credential, CredentialInsert, Event, MachineValues, ProjectValues, Scope, Tx, UserAt,
    UserInsert,
};

const ORG_NAME: &str = "ZITADEL";
const PROJECT_NAME: &str = "ZITADEL";
const USER_NAME: &str = "admin";
const USER_DISPLAY_NAME: &str = "admin machine";

/// What the setup needs to know.
pub struct First<'a> {
    /// Where the token goes: one line, readable by the owner only.
    pub token_file: &'a Path,
    /// Present time.
    pub now: Micros,
}

struct Ids {
    org: String,
    project: String,
    user: String,
    token: String,
}

/// Sets up an empty database; does nothing if that has been done. True if it was this process.
///
/// The token is on disk before the database commits, and gets its name afterwards: a crash before leaves a
/// draft that opens nothing and is replaced at the next start, a crash after it one that the next start
/// finishes. Never is there a server without a way in, nor a token file without a server.
///
/// # Errors
/// The store failed, or the token file cannot be written.
pub async fn setup(deps: &Deps, first: &First<'_>) -> Result<bool> {
    if deps.store.instance().await?.is_some() {
        return Ok(false);
    }
    let ids = Ids { org: deps.ids.next(), project: deps.ids.next(), user: deps.ids.next(), token: deps.ids.next() };
    let mut tx = deps.store.write().await?;
    if !tx.instance_claim(&ids.org, &ids.project, first.now).await? {
        tx.commit().await?;
        return Ok(false);
    }
    let domain = orgs::domain_of(ORG_NAME, &deps.domain)?;
    let org = NewOrg { id: &ids.org, name: ORG_NAME, domain: &domain, owner: &ids.user };
    orgs::insert(&mut tx, &org, first.now).await?;
    project(&mut tx, &ids, first.now).await?;
    let token = user(&mut tx, &ids, first.now).await?;
    owner(&mut tx, &ids, first.now).await?;
    let draft = draft_of(first.token_file);
    files::write_private(TOKEN, &draft, &token).map_err(Error::internal)?;
    if let Err(error) = tx.commit().await {
        // Only if it is certain that nobody needs the token.
        if matches!(deps.store.instance().await, Ok(None)) {
            let _ = std::fs::remove_file(&draft);
        }
        return Err(error.into());
    }
    publish(&draft, first.token_file).map_err(Error::internal)?;
    Ok(true)
}

/// Gives the token its name. Another server that starts on the same directory may have done so.
fn publish(draft: &Path, token: &Path) -> std::io::Result<()> {
    match std::fs::rename(draft, token) {
        Err(_) if token.exists() && !draft.exists() => Ok(()),
        outcome => outcome,
    }
}

async fn project(tx: &mut Tx, ids: &Ids, now: Micros) -> Result<()> {
    let values = ProjectValues {
        name: PROJECT_NAME.to_owned(),
        role_assertion: false,
        role_check: false,
        has_project_check: false,
        private_labeling: 0,
    };
    let mut aggregate = Aggregate::new(AggregateKind::Project, &ids.org, &ids.project);
    let event = Event::new("project.added", json!({"name": PROJECT_NAME}));
    let event = tx.events_append(&mut aggregate, &ids.user, now, &[event]).await?;
    tx.project_insert(&ids.org, &ids.project, &values, &event).await?;
    Ok(())
}

async fn user(tx: &mut Tx, ids: &Ids, now: Micros) -> Result<Zeroizing<String>> {
    let mut aggregate = Aggregate::new(AggregateKind::User, &ids.org, &ids.user);
    let added = Event::new("user.machine.added", json!({"userName": USER_NAME, "name": USER_DISPLAY_NAME}));
    let event = tx.events_append(&mut aggregate, &ids.user, now, &[added]).await?;
    let values = MachineValues { name: USER_DISPLAY_NAME.to_owned(), description: String::new(), access_token_type: 0 };
    let user = UserInsert { org_id: &ids.org, id: &ids.user, user_name: USER_NAME, values: &values };
    tx.user_insert(&user, &event).await?;
    let token = secrets::personal_access_token();
    let added = Event::new("user.pat.added", json!({"tokenId": ids.token, "expirationDate": NEVER}));
    let event = tx.events_append(&mut aggregate, &ids.user, now, &[added]).await?;
    let hash = secrets::hash(&token);
    let user = UserAt { org_id: &ids.org, id: &ids.user };
    let pat = CredentialInsert { user, id: &ids.token, material: &hash, expires_at: NEVER };
    tx.credential_insert(Credential::Pat, &pat, &event).await?;
    Ok(token)
}

async fn owner(tx: &mut Tx, ids: &Ids, now: Micros) -> Result<()> {
    let mut instance = Aggregate::new(AggregateKind::Instance, "", "");
    let added = Event::new("instance.member.added", json!({"userId": ids.user, "roles": ["IAM_OWNER"]}));
    let event = tx.events_append(&mut instance, &ids.user, now, &[added]).await?;
    tx.member_insert(Scope::Instance, &ids.user, &["IAM_OWNER"], &event).await?;
    Ok(())
}
