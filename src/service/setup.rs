//! The first start on an empty database: an organization, its project `ZITADEL`, a machine user with
//! every right, and a token for it (design, section 2).

use std::path::Path;

use zeroize::Zeroizing;

use super::{Deps, orgs};
use crate::clock::NEVER;
use crate::crypto::secrets;
use crate::error::{Error, Result};
use crate::files;
use crate::opening::{TOKEN, draft_of};
use crate::store::{
    Actor, Aggregate, AggregateKind, Credential, CredentialAdded, MachineAdded, MachineValues, MemberAdded, OrgAdded,
    ProjectAdded, ProjectAt, ProjectValues, Scope, UserAt, Work,
};

const ORG_NAME: &str = "ZITADEL";
const PROJECT_NAME: &str = "ZITADEL";
const USER_NAME: &str = "admin";
const USER_DISPLAY_NAME: &str = "admin machine";

struct Ids {
    instance: String,
    org: String,
    project: String,
    user: String,
    token: String,
}

/// Sets up an empty database; does nothing if that has been done. Gives the token if it was this process. The token goes
/// to `token_file`, if there is one: one line, readable by the owner only.
///
/// The token is on disk before the database commits, and gets its name afterwards: a crash before leaves a
/// draft that opens nothing and is replaced at the next start, a crash after it one that the next start
/// finishes. Never is there a server without a way in, nor a token file without a server.
///
/// # Errors
/// The store failed, or the token file cannot be written.
pub async fn setup(deps: &Deps, token_file: Option<&Path>) -> Result<Option<Zeroizing<String>>> {
    if deps.store.instance().await?.is_some() {
        return Ok(None);
    }
    let ids = Ids {
        instance: deps.env.ids.next().await,
        org: deps.env.ids.next().await,
        project: deps.env.ids.next().await,
        user: deps.env.ids.next().await,
        token: deps.env.ids.next().await,
    };
    let domain = orgs::domain_of(ORG_NAME, &deps.domain)?;
    let token = secrets::personal_access_token(&deps.env.random);
    let draft = token_file.map(draft_of);
    let now = deps.env.clock.now();
    let actor = Actor::new(&ids.user, "", now);
    let work = deps.store.work(actor, async |mut work| {
        if !work.instance_claim(&ids.instance, &ids.org, &ids.project, now).await? {
            return Ok(false);
        }
        write(&mut work, &ids, &domain, &secrets::hash(&token)).await?;
        if let Some(draft) = &draft {
            files::write_private(TOKEN, draft, &token).map_err(Error::internal)?;
        }
        Ok(true)
    });
    match work.await {
        Ok(true) => {
            if let (Some(draft), Some(file)) = (&draft, token_file) {
                publish(draft, file).map_err(Error::internal)?;
            }
            Ok(Some(token))
        }
        Ok(false) => Ok(None),
        Err(error) => {
            // Only if it is certain that nobody needs the token.
            if let (Some(draft), Ok(None)) = (&draft, deps.store.instance().await) {
                let _ = std::fs::remove_file(draft);
            }
            Err(error)
        }
    }
}

/// Gives the token its name. Another server that starts on the same directory may have done so.
fn publish(draft: &Path, token: &Path) -> std::io::Result<()> {
    match std::fs::rename(draft, token) {
        Err(_) if token.exists() && !draft.exists() => Ok(()),
        outcome => outcome,
    }
}

async fn write(work: &mut Work, ids: &Ids, domain: &str, token_hash: &[u8]) -> Result<()> {
    let at = UserAt { org_id: &ids.org, id: &ids.user };
    let mut org = Aggregate::new(AggregateKind::Org, &ids.org, &ids.org);
    work.record(&mut org, &OrgAdded { id: &ids.org, name: ORG_NAME, domain }).await?;
    user(work, at, &ids.token, token_hash).await?;
    let owner = MemberAdded { scope: Scope::Org(&ids.org), user: at, roles: &["ORG_OWNER"] };
    work.record(&mut org, &owner).await?;
    let mut instance = Aggregate::new(AggregateKind::Instance, "", "");
    work.record(&mut instance, &MemberAdded { scope: Scope::Instance, user: at, roles: &["IAM_OWNER"] }).await?;
    let values = ProjectValues {
        name: PROJECT_NAME.to_owned(),
        role_assertion: false,
        role_check: false,
        has_project_check: false,
        private_labeling: 0,
    };
    let mut project = Aggregate::new(AggregateKind::Project, &ids.org, &ids.project);
    let at = ProjectAt { org_id: &ids.org, id: &ids.project };
    work.record(&mut project, &ProjectAdded { at, values: &values }).await?;
    Ok(())
}

async fn user(work: &mut Work, at: UserAt<'_>, token_id: &str, token_hash: &[u8]) -> Result<()> {
    let values = MachineValues { name: USER_DISPLAY_NAME.to_owned(), description: String::new(), access_token_type: 0 };
    let mut user = Aggregate::new(AggregateKind::User, at.org_id, at.id);
    work.record(&mut user, &MachineAdded { at, user_name: USER_NAME, values: &values }).await?;
    let kind = Credential::Pat;
    let pat = CredentialAdded { kind, user: at, id: token_id, material: token_hash, expires_at: NEVER };
    work.record(&mut user, &pat).await?;
    Ok(())
}
