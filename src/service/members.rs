//! Members: users with built-in roles that hold for the instance, an organization, a project or a project grant.

use super::Deps;
use super::member_rules::{GRANT, INSTANCE, ORG, PROJECT, Rules};
use super::outcome::{Owned, changed, made};
use crate::auth::{Admitted, Membership, permitted, role_names};
use crate::error::{Error, Result};
use crate::store::{
    Beside, GrantScope, Listed, MemberAdded, MemberChanged, MemberOrder, MemberRemoved, MemberRow, Page, ProjectAt,
    ProjectGrantRow, Scope, Stamp, UserAt, Work, names,
};

/// Most memberships of a user in one organization: each call of the user reads them. They are counted for
/// each organization, so that one cannot use up what another one needs.
const MAX_MEMBERSHIPS: i64 = 1000;
const TOO_MANY: &str = "The user is a member in 1000 places of this organization already. Remove one, or give a role \
     for the whole organization";
/// What the commands on members of project grants want.
const WRITE: &str = "project.grant.member.write";
const DELETE: &str = "project.grant.member.delete";
/// The role that may do everything.
const OWNER: &str = "IAM_OWNER";
const LAST_OWNER: &str =
    "This is the last active owner of the instance; give somebody else the role IAM_OWNER before you take it away";

pub struct Members(pub(super) Deps);

/// What somebody is a member of. The organization is that of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// The instance.
    Instance,
    /// The organization.
    Org,
    /// A project of the organization.
    Project(&'a str),
    /// A grant of a project that the organization gives or gets.
    Grant {
        /// The project.
        project_id: &'a str,
        /// The grant.
        id: &'a str,
    },
}

impl Place<'_> {
    fn rules(self) -> &'static Rules {
        match self {
            Self::Instance => &INSTANCE,
            Self::Org => &ORG,
            Self::Project(_) => &PROJECT,
            Self::Grant { .. } => &GRANT,
        }
    }
}

/// What is known of a place before it is locked.
struct Found<'a> {
    place: Place<'a>,
    owner_id: String,
    grant: Option<ProjectGrantRow>,
}

impl Found<'_> {
    /// None for a grant that is not there.
    fn scope(&self) -> Option<Scope<'_>> {
        Some(match self.place {
            Place::Instance => Scope::Instance,
            Place::Org => Scope::Org(&self.owner_id),
            Place::Project(id) => Scope::Project(ProjectAt { org_id: &self.owner_id, id }),
            Place::Grant { project_id, id } => {
                let granted_org_id = &self.grant.as_ref()?.granted_org_id;
                let project = ProjectAt { org_id: &self.owner_id, id: project_id };
                Scope::Grant(GrantScope { project, id, granted_org_id })
            }
        })
    }
}

/// Which members to list, and how.
#[derive(Debug)]
pub struct MemberList<'a> {
    /// No other users than these.
    pub only: Option<&'a [String]>,
    /// By what they are sorted.
    pub order: MemberOrder,
    /// Which of them.
    pub page: Page,
}

impl Members {
    /// The built-in roles that members of the instance may have.
    pub fn list_instance_member_roles(_who: &Admitted) -> Vec<&'static str> {
        role_names().filter(|role| (INSTANCE.fits)(role)).collect()
    }

    /// The built-in roles that members of the organization may have; only in the default organization of the server
    /// one more.
    pub async fn list_org_member_roles(&self, who: &Admitted) -> Result<Vec<&'static str>> {
        let first = self.is_default(who).await?;
        Ok(role_names().filter(|role| (ORG.fits)(role)).chain(ORG.alone.filter(|_| first)).collect())
    }

    /// The built-in roles for projects; in the default organization of the server only the global ones.
    pub async fn list_project_member_roles(&self, who: &Admitted) -> Result<Vec<&'static str>> {
        let first = self.is_default(who).await?;
        let fits = |role: &str| {
            (PROJECT.fits)(role) && !role.starts_with("PROJECT_GRANT") && (!first || role.ends_with("GLOBAL"))
        };
        Ok(role_names().filter(|role| fits(role)).collect())
    }

    /// The built-in roles that members of project grants may have.
    pub fn list_project_grant_member_roles(_who: &Admitted) -> Vec<&'static str> {
        role_names().filter(|role| (GRANT.fits)(role)).collect()
    }

    /// Members of a place; one that is not there has none.
    pub async fn list_members(
        &self,
        who: &Admitted,
        place: Place<'_>,
        list: MemberList<'_>,
    ) -> Result<Owned<Listed<MemberRow>>> {
        let found = self.find(who, place).await?;
        let value = match found.scope() {
            Some(scope) => self.0.store.members(scope, list.only, list.order, list.page).await?,
            None => Listed { total: 0, seen: None, rows: Vec::new() },
        };
        Ok(Owned { value, owner_id: found.owner_id })
    }

    /// Makes a user of any organization a member.
    ///
    /// # Errors
    /// No roles, a role of another kind, no such user, no such place, a member already: the ids are those of the place
    /// (`member_rules`). `PROJECT-Mb1k8` a member in as many places of the organization as may be. Of a project grant:
    /// `AUTHZ-cdgFk`, `AUTH-AWfge`, `AUTH-Swrgg2` the caller may not do so in the organization that gets it.
    pub async fn add_member(
        &self,
        who: &Admitted,
        place: Place<'_>,
        user_id: &str,
        roles: &[String],
    ) -> Result<Owned<Stamp>> {
        let rules = place.rules();
        let roles = rules.added(roles)?;
        let found = self.find(who, place).await?;
        let work = self.0.store.work(who.actor(), async |mut work| {
            // A missing user is told before a missing place.
            work.user_org(user_id).await?.ok_or_else(rules.no_user)?;
            let scope = found.scope().ok_or_else(rules.no_place)?;
            let mut at = work.place_held(scope).await?.ok_or_else(rules.no_place)?;
            may_there(at.work, who, scope, WRITE).await?;
            // Kept only now: who waits for a place keeps nobody from changing the user.
            let user_org = at.work.user_kept(user_id).await?.ok_or_else(rules.no_user)?;
            may_join(at.work, scope, user_id, rules).await?;
            let user = UserAt { org_id: &user_org, id: user_id };
            let event = at.record(&MemberAdded { scope, user, roles: &roles }).await?;
            at.work.concerns(scope.org_id());
            Ok(made(&event))
        });
        let value = work.await?;
        Ok(Owned { value, owner_id: found.owner_id })
    }

    /// Replaces the roles of a member; the same ones in the same order give the last state.
    ///
    /// # Errors
    /// No roles, a role of another kind, no member: the ids are those of the place (`member_rules`). `INSTANCE-Ow1nr`
    /// the last active owner of the instance would be none. Of a project grant as [`Self::add_member`].
    pub async fn update_member(
        &self,
        who: &Admitted,
        place: Place<'_>,
        user_id: &str,
        roles: &[String],
    ) -> Result<Owned<Stamp>> {
        let rules = place.rules();
        let roles = rules.changed(roles)?;
        let found = self.find(who, place).await?;
        let work = self.0.store.work(who.actor(), async |mut work| {
            let scope = found.scope().ok_or_else(rules.no_member)?;
            let mut at = work.place_held(scope).await?.ok_or_else(rules.no_member)?;
            let row = at.work.member_held(scope, user_id).await?.ok_or_else(rules.no_member)?;
            may_there(at.work, who, scope, WRITE).await?;
            if names(&row.roles)? == roles {
                return Ok(row.stamp);
            }
            if !roles.contains(&OWNER) {
                may_lose(at.work, scope, &row).await?;
            }
            let event = at.record(&MemberChanged { scope, user_id, roles: &roles }).await?;
            at.work.concerns(scope.org_id());
            Ok(changed(&event, row.stamp.created_at))
        });
        let value = work.await?;
        Ok(Owned { value, owner_id: found.owner_id })
    }

    /// Ends a membership. Who is no member counts as taken out: a project gives its newest event, another place none.
    ///
    /// # Errors
    /// `INSTANCE-Ow1nr` the last active owner of the instance. Of a project grant as [`Self::add_member`].
    pub async fn remove_member(&self, who: &Admitted, place: Place<'_>, user_id: &str) -> Result<Owned<Option<Stamp>>> {
        let found = self.find(who, place).await?;
        let work = self.0.store.work(who.actor(), async |mut work| {
            let Some(scope) = found.scope() else { return Ok(None) };
            let Some(mut at) = work.place_held(scope).await? else { return Ok(None) };
            let Some(row) = at.work.member_held(scope, user_id).await? else {
                return Ok(matches!(place, Place::Project(_)).then(|| at.row.clone()));
            };
            may_there(at.work, who, scope, DELETE).await?;
            may_lose(at.work, scope, &row).await?;
            let event = at.record(&MemberRemoved { scope, user_id: &row.id }).await?;
            at.work.concerns(scope.org_id());
            Ok(Some(changed(&event, row.stamp.created_at)))
        });
        let value = work.await?;
        Ok(Owned { value, owner_id: found.owner_id })
    }

    /// Who owns the memberships of a place, and its grant, if it is one that the organization gives or gets.
    async fn find<'a>(&self, who: &Admitted, place: Place<'a>) -> Result<Found<'a>> {
        let mut found = Found { place, owner_id: who.org_id.clone(), grant: None };
        match place {
            Place::Org | Place::Project(_) => {}
            Place::Instance => {
                found.owner_id = self.0.store.instance().await?.map(|i| i.instance_id).unwrap_or_default();
            }
            Place::Grant { project_id, id } => {
                let of = |row: &ProjectGrantRow| row.org_id == who.org_id || row.granted_org_id == who.org_id;
                let row = self.0.store.project_grant_by_id(id).await?;
                if let Some(row) = row.filter(|row| row.project_id == project_id && of(row)) {
                    found.owner_id.clone_from(&row.org_id);
                    found.grant = Some(row);
                }
            }
        }
        Ok(found)
    }

    /// Whether the call is about the default organization of the server.
    async fn is_default(&self, who: &Admitted) -> Result<bool> {
        Ok(self.0.store.instance().await?.is_some_and(|i| i.default_org_id == who.org_id))
    }
}

/// Whether a new member of a place can have these roles.
///
/// # Errors
/// As [`Members::add_member`].
pub fn check_roles(place: Place<'_>, roles: &[String]) -> Result<()> {
    place.rules().added(roles).map(drop)
}

/// The built-in roles that members of a place may have.
pub fn roles_of(place: Place<'_>) -> Vec<&'static str> {
    role_names().filter(|role| (place.rules().fits)(role)).chain(place.rules().alone).collect()
}

/// Whether the caller may do with the members of a project grant what it wants to: that is for the organization to say
/// that gets the grant, whichever one is named by the call.
async fn may_there(work: &mut Work, who: &Admitted, scope: Scope<'_>, permission: &str) -> Result<()> {
    let Scope::Grant(grant) = scope else { return Ok(()) };
    if who.is_server {
        return Ok(());
    }
    let held = work.roles_held_in(&who.user_id, grant.granted_org_id).await?;
    let held: Vec<Membership> = held.into_iter().map(Membership::try_from).collect::<Result<_>>()?;
    permitted(&held, grant.granted_org_id, permission, grant.id)
}

/// Whether a user is no member of the place yet, and not one in too many places.
async fn may_join(work: &mut Work, scope: Scope<'_>, user_id: &str, rules: &Rules) -> Result<()> {
    if work.member_held(scope, user_id).await?.is_some() {
        return Err((rules.taken)());
    }
    if work.memberships_of(user_id, scope.org_id()).await? >= MAX_MEMBERSHIPS {
        return Err(Error::precondition("PROJECT-Mb1k8", TOO_MANY));
    }
    Ok(())
}

/// Whether a member may lose its roles: not if nobody else is left who may do everything. There would be no way back.
async fn may_lose(work: &mut Work, scope: Scope<'_>, member: &MemberRow) -> Result<()> {
    if matches!(scope, Scope::Instance) && names(&member.roles)?.iter().any(|role| role == OWNER) {
        other_owner(work, Beside::User(&member.id)).await?;
    }
    Ok(())
}

/// Whether a user may go, or be switched off: not the last active owner of the instance. To be asked before the user is
/// locked, for the instance comes first.
///
/// # Errors
/// `INSTANCE-Ow1nr` it is the last one.
pub(super) async fn may_go(work: &mut Work, user: UserAt<'_>) -> Result<()> {
    if work.has_role(OWNER, user).await?
        && let Some(held) = work.place_held(Scope::Instance).await?
    {
        other_owner(held.work, Beside::User(user.id)).await?;
    }
    Ok(())
}

/// Whether the instance has another active owner. The instance must be held, so that no two of them go at once.
///
/// # Errors
/// `INSTANCE-Ow1nr` it has none.
pub(super) async fn other_owner(work: &mut Work, beside: Beside<'_>) -> Result<()> {
    let other = work.has_role_beside(OWNER, beside).await?;
    if other { Ok(()) } else { Err(Error::precondition("INSTANCE-Ow1nr", LAST_OWNER)) }
}
