//! Admits callers to objects that are addressed by their id alone: what counts are the roles that a caller has where
//! the object belongs, whichever organization the head of the request names.

use std::borrow::Cow;

use super::admitted::{Admitted, Caller, org_gone};
use super::permission::{Granted, Membership, evaluate, for_others_only, no_permission, reached};
use crate::clock::Micros;
use crate::error::{Code, Error, Result};
use crate::proto::{Call, Permission};
use crate::store::{AppKeyRow, AppRow, OwnedProjectRow, Placed, SeenBy, Store, UserRow, Within};

/// Finds out whose something is. Cheap to clone.
#[derive(Clone)]
pub struct Owners(Store);

/// What a request is about.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// An organization.
    Org(&'a str),
    /// A project.
    Project(&'a str),
    /// An application.
    App(&'a str),
    /// A user.
    User(&'a str),
}

/// Where the object of a request is. Only [`Owners::find`] makes one, after the field rules.
#[derive(Debug, Clone)]
#[expect(
    clippy::manual_non_exhaustive,
    reason = "that attribute is for other crates; nobody in this one makes one either"
)]
pub struct Found {
    /// The organization that it belongs to.
    pub org_id: String,
    /// The project that it is, or is in.
    pub project_id: Option<String>,
    /// The user that it is.
    pub user_id: Option<String>,
    _found_here: (),
}

/// What was found together with the place of the object of a request. It is for nobody to see before the caller is
/// admitted there.
#[derive(Debug)]
pub struct Sealed<T>(T);

impl<T> Sealed<T> {
    /// What was found, for somebody who has been admitted.
    pub fn open(self, _who: &Admitted) -> T {
        self.0
    }
}

/// How somebody is refused who has roles where the object belongs, but none with the permission.
#[derive(Debug, Clone, Copy)]
pub enum Denied {
    /// The object itself was asked for.
    Object,
    /// Something was to be done with what is in it.
    Command,
}

impl Denied {
    fn error(self) -> Error {
        match self {
            Self::Object => for_others_only(),
            Self::Command => no_permission(),
        }
    }
}

/// What a caller may see of the objects of one kind, in whichever organization.
#[derive(Debug)]
#[expect(
    clippy::manual_non_exhaustive,
    reason = "that attribute is for other crates; nobody in this one makes one either"
)]
pub struct Reach {
    /// User id of the caller.
    pub user_id: String,
    /// When the call came in.
    pub now: Micros,
    /// Where; none for everywhere.
    pub within: Option<Within>,
    /// Whether the caller has a role at all.
    pub has_roles: bool,
    _found_here: (),
}

impl Reach {
    /// Whose users the caller sees: those it may read, and itself.
    pub fn users(&self) -> SeenBy<'_> {
        SeenBy { within: self.within.as_ref(), user_id: &self.user_id }
    }
}

impl Owners {
    /// Over a store.
    pub fn new(store: Store) -> Self {
        Self(store)
    }

    /// Where the object of a request is; none if there is no such object.
    ///
    /// # Errors
    /// Code 3 for a field rule; the store failed.
    pub async fn find<C: Call>(&self, request: &C, target: Target<'_>) -> Result<Option<Found>> {
        request.validate()?;
        let found = |org_id| Found { org_id, project_id: None, user_id: None, _found_here: () };
        Ok(match target {
            Target::Org(id) => self.0.org_by_id(id).await?.map(|org| found(org.id)),
            Target::Project(id) => {
                let org_id = self.0.org_of_project(id).await?;
                org_id.map(|org_id| Found { project_id: Some(id.to_owned()), ..found(org_id) })
            }
            Target::App(id) => {
                let place = self.0.app_place(id).await?;
                place.map(|place| Found { project_id: Some(place.project_id), ..found(place.org_id) })
            }
            Target::User(id) => {
                let org_id = self.0.org_of_user(id).await?;
                org_id.map(|org_id| Found { user_id: Some(id.to_owned()), ..found(org_id) })
            }
        })
    }

    /// As [`Owners::find`] for an application, which is read with its place.
    ///
    /// # Errors
    /// As [`Owners::find`].
    pub async fn find_app<C: Call>(&self, request: &C, id: &str) -> Result<Option<(Found, Sealed<Placed<AppRow>>)>> {
        request.validate()?;
        Ok(self.0.app_anywhere(id).await?.map(placed))
    }

    /// As [`Owners::find`] for a key of an application that takes keys at present, which is read with its place.
    ///
    /// # Errors
    /// As [`Owners::find`].
    pub async fn find_app_key<C: Call>(
        &self,
        request: &C,
        id: &str,
    ) -> Result<Option<(Found, Sealed<Placed<AppKeyRow>>)>> {
        request.validate()?;
        Ok(self.0.app_key_anywhere(id).await?.map(placed))
    }

    /// Lets a caller do with an object what the request is for.
    ///
    /// # Errors
    /// `AUTHZ-cdgFk` the caller has no role there, `AUTH-Swrgg2` or `AUTH-AWfge` none with the permission (contract,
    /// `v2.md`, section 1).
    pub async fn admit<C: Call>(
        &self,
        caller: Caller,
        _request: &C,
        found: &Found,
        denied: Denied,
    ) -> Result<Admitted> {
        let permission = permission::<C>()?;
        // What the instance or the organization of the head gives is known without a look.
        if let Ok(Granted::Everywhere) = evaluate(&caller.memberships, &found.org_id, permission) {
            return Ok(caller.admitted_at(found.org_id.clone(), Granted::Everywhere));
        }
        let held = self.memberships(&caller, &found.org_id).await?;
        let refused = |error: Error| if error.code == Code::PermissionDenied { denied.error() } else { error };
        let granted = evaluate(&held, &found.org_id, permission).map_err(refused)?;
        let covered = match &found.project_id {
            Some(id) => granted.covers(id),
            // Who holds it for projects only holds it for nothing beside them.
            None => granted == Granted::Everywhere,
        };
        if !covered {
            return Err(denied.error());
        }
        Ok(caller.admitted_at(found.org_id.clone(), granted))
    }

    /// As [`Owners::admit`], to make something in an organization that the request names. Who has no role there is
    /// told so, whether there is such an organization or not.
    ///
    /// # Errors
    /// As [`Owners::admit`]; code 3 for a field rule, `COMMAND-QXPGs` no such organization.
    pub async fn admit_into<C: Call>(&self, caller: Caller, request: &C, org_id: &str) -> Result<Admitted> {
        request.validate()?;
        let found = Found { org_id: org_id.to_owned(), project_id: None, user_id: None, _found_here: () };
        let who = self.admit(caller, request, &found, Denied::Command).await?;
        match self.0.org_by_id(org_id).await? {
            Some(_) => Ok(who),
            None => Err(org_gone()),
        }
    }

    /// A project that the caller may read; found, and the caller admitted, with one look.
    ///
    /// # Errors
    /// As [`Owners::admit`]; code 3 for a field rule.
    pub async fn project_to_read<C: Call>(
        &self,
        caller: Caller,
        request: &C,
        id: &str,
    ) -> Result<Option<OwnedProjectRow>> {
        request.validate()?;
        let Some(project) = self.0.project_found(id).await? else { return Ok(None) };
        let (org_id, project_id) = (project.org_id.clone(), Some(id.to_owned()));
        let found = Found { org_id, project_id, user_id: None, _found_here: () };
        self.admit(caller, request, &found, Denied::Object).await?;
        Ok(Some(project))
    }

    /// When a project went that is no more, for anybody to know; none if there never was one.
    ///
    /// # Errors
    /// Code 3 for a field rule; the store failed.
    pub async fn project_gone<C: Call>(&self, request: &C, id: &str) -> Result<Option<Micros>> {
        request.validate()?;
        Ok(self.0.project_ever(id).await?)
    }

    /// A user that the caller may read, or is; found, and the caller admitted, with one look.
    ///
    /// # Errors
    /// As [`Owners::admit`]; code 3 for a field rule.
    pub async fn user_to_read<C: Call>(&self, caller: Caller, request: &C, id: &str) -> Result<Option<UserRow>> {
        request.validate()?;
        let Some(row) = self.0.user_found(id).await? else { return Ok(None) };
        let found =
            Found { org_id: row.org_id.clone(), project_id: None, user_id: Some(row.id.clone()), _found_here: () };
        self.admit_or_self(caller, request, &found, Denied::Object).await?;
        Ok(Some(row))
    }

    /// As [`Owners::admit`], for what users may do with themselves, whatever their roles.
    ///
    /// # Errors
    /// As [`Owners::admit`].
    pub async fn admit_or_self<C: Call>(
        &self,
        caller: Caller,
        request: &C,
        found: &Found,
        denied: Denied,
    ) -> Result<Admitted> {
        if found.user_id.as_ref() == Some(&caller.user_id) {
            return Ok(caller.admitted_at(found.org_id.clone(), Granted::Everywhere));
        }
        self.admit(caller, request, found, denied).await
    }

    /// What a caller may see of what the request lists.
    ///
    /// # Errors
    /// Code 3 for a field rule; the store failed.
    pub async fn reach<C: Call>(&self, caller: Caller, request: &C) -> Result<Reach> {
        request.validate()?;
        let permission = permission::<C>()?;
        // What holds everywhere holds everywhere, whatever else the caller has.
        let (within, has_roles) = if reached(&caller.memberships, permission).is_none() {
            (None, true)
        } else {
            let rows = self.0.all_roles_held(&caller.user_id).await?;
            let held: Vec<Membership> = rows.into_iter().map(Membership::try_from).collect::<Result<_>>()?;
            (reached(&held, permission), !held.is_empty())
        };
        Ok(Reach { user_id: caller.user_id, now: caller.now, within, has_roles, _found_here: () })
    }

    /// As [`Owners::reach`], for callers that have a role at all.
    ///
    /// # Errors
    /// As [`Owners::reach`]; `AUTHZ-cdgFk` without any role.
    pub async fn reach_of_members<C: Call>(&self, caller: Caller, request: &C) -> Result<Reach> {
        let reach = self.reach(caller, request).await?;
        if reach.has_roles { Ok(reach) } else { Err(Error::not_found("AUTHZ-cdgFk", "membership not found")) }
    }

    /// What the caller has in an organization, and in the instance.
    async fn memberships<'c>(&self, caller: &'c Caller, org_id: &str) -> Result<Cow<'c, [Membership]>> {
        if caller.org_id == org_id {
            return Ok(Cow::Borrowed(&caller.memberships));
        }
        let rows = self.0.roles_held_in(&caller.user_id, org_id).await?;
        rows.into_iter().map(Membership::try_from).collect()
    }
}

/// Where something of a project is, and what it is.
fn placed<R>(row: Placed<R>) -> (Found, Sealed<Placed<R>>) {
    let (org_id, project_id) = (row.org_id.clone(), Some(row.project_id.clone()));
    (Found { org_id, project_id, user_id: None, _found_here: () }, Sealed(row))
}

/// The permission that an RPC wants of the owner of an object; any other kind lets nobody in here.
fn permission<C: Call>() -> Result<&'static str> {
    match C::RPC.permission {
        Permission::OfOwner(permission) => Ok(permission),
        _ => Err(Error::internal(format!("{} wants no permission of an owner", C::RPC.full))),
    }
}
