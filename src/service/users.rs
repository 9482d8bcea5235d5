//! Users: machines, for there are no people here.

use super::outcome::{Created, changed, made};
use super::texts::USER_NOT_FOUND;
use super::{Deps, chosen, members, metadata, user_grants};
use crate::auth::{Admitted, Reach};
use crate::error::{Code, Error, Result};
use crate::store::{
    AggregateKind, ChangePage, ChangeRow, GrantsOf, Held, Listed, MachineAdded, MachineChanged, MachineValues, Page,
    Recorded, Stamp, UserAt, UserFilter, UserOrder, UserRemoved, UserRenamed, UserRow, UserState, UserSwitch,
    UserSwitched, fold,
};

const NAME_TAKEN: &str = "User already exists";

/// Users of organizations.
pub struct Users(pub(super) Deps);

/// A new machine user.
#[derive(Debug)]
pub struct NewMachine<'a> {
    /// The identifier that the caller chooses; one is made if there is none.
    pub id: Option<&'a str>,
    /// Its login name; its identifier if there is none.
    pub user_name: Option<&'a str>,
    /// What else it says.
    pub values: &'a MachineValues,
    /// Keys and values that are kept with it; empty values are passed over.
    pub metadata: &'a [(&'a str, &'a [u8])],
}

/// What a machine user says from now on; what is not given stays as it is.
#[derive(Debug, Default)]
pub struct MachineChange<'a> {
    /// Login name.
    pub user_name: Option<&'a str>,
    /// Display name.
    pub name: Option<&'a str>,
    /// Free text.
    pub description: Option<&'a str>,
    /// Number of `AccessTokenType`.
    pub access_token_type: Option<i64>,
    /// Keys and values that are kept with it; those with an empty value are removed.
    pub metadata: &'a [(&'a str, &'a [u8])],
}

/// What came of a change that may have been none.
#[derive(Debug)]
pub struct Updated {
    /// The user's last event.
    pub stamp: Stamp,
    /// Whether anything changed.
    pub changed: bool,
}

/// The ids by which callers know why a user was not switched; versions of the API have their own.
#[derive(Debug, Clone, Copy)]
pub struct SwitchErrors {
    /// There is no such user.
    pub missing: &'static str,
    /// The user is in a state from which it cannot be switched so.
    pub refused: &'static str,
}

impl Users {
    /// Adds a machine user, active at once and without any role.
    ///
    /// # Errors
    /// Code 3 the chosen id has other signs than ids may have, or the login name looks like an id of the server;
    /// `COMMAND-k2una` the chosen id is used, or looks like one of the server; code 6 login name taken; `META-Tm7k2`
    /// more metadata than a user may have.
    pub async fn add_machine_user(&self, who: &Admitted, new: NewMachine<'_>) -> Result<Created> {
        let NewMachine { id: chosen, user_name, values, .. } = new;
        self.fresh(chosen, user_name).await?;
        let id = match chosen {
            Some(id) => id.to_owned(),
            None => self.0.env.ids.next().await,
        };
        let user_name = user_name.unwrap_or(&id);
        let metadata = metadata::entries(new.metadata);
        let at = UserAt { org_id: &who.org_id, id: &id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            let taken = work.handles_taken(at.id, user_name).await?;
            if chosen.is_some() && taken.iter().any(|row| row.handle == fold(at.id)) {
                return Err(Error::precondition("COMMAND-k2una", "Errors.User.AlreadyExisting"));
            }
            if !taken.is_empty() {
                return Err(Error::already_exists(NAME_TAKEN));
            }
            let mut user = work.begin(AggregateKind::User, at.org_id, at.id);
            let added = user.record(&MachineAdded { at, user_name, values }).await?;
            metadata::change(&mut user, at, &metadata).await?;
            Ok(made(&added))
        });
        let stamp = work.await?;
        Ok(Created { id, stamp })
    }

    /// Changes what is given of a user.
    ///
    /// # Errors
    /// `missing` no such user; code 3 the login name looks like an id of the server, code 6 it is taken; `META-Tm7k2`
    /// more metadata than a user may have.
    pub async fn update_machine(
        &self,
        who: &Admitted,
        id: &str,
        change: &MachineChange<'_>,
        missing: &'static str,
    ) -> Result<Updated> {
        // A user that chose no login name has its id for one.
        self.fresh(None, change.user_name.filter(|name| *name != id)).await?;
        let at = UserAt { org_id: &who.org_id, id };
        let metadata = metadata::entries(change.metadata);
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut user = work.user_held(at).await?.ok_or_else(|| not_found(missing))?;
            let renamed = rename(&mut user, at, change.user_name).await?;
            let values = changed_values(&user.row, change);
            let event = match values {
                Some(values) => Some(user.record(&MachineChanged { at, values: &values }).await?),
                None => renamed,
            };
            let event = metadata::change(&mut user, at, &metadata).await?.or(event);
            let stamp = event.as_ref().map(|event| changed(event, user.row.stamp.created_at));
            Ok(Updated { changed: stamp.is_some(), stamp: stamp.unwrap_or_else(|| user.row.stamp.clone()) })
        });
        work.await
    }

    /// A user in any state; none of another organization.
    pub async fn user(&self, who: &Admitted, id: &str) -> Result<Option<UserRow>> {
        Ok(self.0.store.user_by_id(UserAt { org_id: &who.org_id, id }).await?)
    }

    /// The user that asks; none if it was removed meanwhile.
    pub async fn own_user(&self, who: &Admitted) -> Result<Option<UserRow>> {
        Ok(self.0.store.user_by_id(UserAt { org_id: &who.user_org_id, id: &who.user_id }).await?)
    }

    /// The user of this login name, in whatever case, of any organization.
    pub async fn user_by_login_name(&self, _who: &Admitted, login_name: &str) -> Result<Option<UserRow>> {
        Ok(self.0.store.user_by_login_name(login_name).await?)
    }

    /// Users of the organization, in any state.
    pub async fn list_users(
        &self,
        who: &Admitted,
        filters: &[UserFilter],
        order: UserOrder,
        page: Page,
    ) -> Result<Listed<UserRow>> {
        Ok(self.0.store.user_search(&who.org_id, filters, order, page).await?)
    }

    /// Users of all organizations that the caller may see, in any state.
    pub async fn list_all_users(
        &self,
        reach: &Reach,
        filters: &[UserFilter],
        order: UserOrder,
        page: Page,
    ) -> Result<Listed<UserRow>> {
        Ok(self.0.store.users_everywhere(reach.users(), filters, order, page).await?)
    }

    /// What happened to a user, its keys and its tokens; an unknown one has no past.
    pub async fn list_user_changes(&self, who: &Admitted, id: &str, page: ChangePage) -> Result<Vec<ChangeRow>> {
        Ok(self.0.store.changes(AggregateKind::User, &who.org_id, id, None, page).await?)
    }

    /// Whether no user of the server has this login name. Machines have no e-mail address, so one is always free.
    pub async fn is_user_unique(&self, _who: &Admitted, user_name: &str, email: &str) -> Result<bool> {
        let taken = email.is_empty() && self.0.store.user_name_taken(user_name).await?;
        Ok(!taken)
    }

    /// Switches a user on or off, or locks it: off also a locked one, on only one that is off.
    ///
    /// # Errors
    /// Those of `errors`.
    pub async fn switch_user(
        &self,
        who: &Admitted,
        id: &str,
        switch: UserSwitch,
        errors: SwitchErrors,
    ) -> Result<Stamp> {
        let at = UserAt { org_id: &who.org_id, id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            if matches!(switch, UserSwitch::Deactivate | UserSwitch::Lock) {
                members::may_go(&mut work, at).await?;
            }
            let mut user = work.user_held(at).await?.ok_or_else(|| not_found(errors.missing))?;
            if let Err(why) = may_switch(user.row.state, switch) {
                return Err(Error::precondition(errors.refused, why));
            }
            let event = user.record(&UserSwitched { at, switch }).await?;
            Ok(changed(&event, user.row.stamp.created_at))
        });
        work.await
    }

    /// Removes a user with its keys, tokens, memberships and grants.
    ///
    /// # Errors
    /// `missing` no such user.
    pub async fn remove_user(&self, who: &Admitted, id: &str, missing: &'static str) -> Result<Stamp> {
        let at = UserAt { org_id: &who.org_id, id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            members::may_go(&mut work, at).await?;
            let mut user = work.user_held_to_end(at).await?.ok_or_else(|| not_found(missing))?;
            user_grants::cascade(user.work, GrantsOf::User(at)).await?;
            let user_name = user.row.user_name.clone();
            let event = user.record(&UserRemoved { at, user_name: &user_name }).await?;
            Ok(changed(&event, user.row.stamp.created_at))
        });
        work.await
    }

    /// What a caller chooses must be fit for an id, and not look like what the server gives out.
    async fn fresh(&self, id: Option<&str>, user_name: Option<&str>) -> Result<()> {
        if let Some(id) = id {
            chosen::check(&self.0, id, "user id", |text| Error::precondition("COMMAND-k2una", text)).await?;
        }
        if let Some(name) = user_name
            && chosen::is_given(&self.0, name).await?
        {
            let text = "invalid user name: numbers like this are ids of the server; choose a name with a letter";
            return Err(Error::native(Code::InvalidArgument, text));
        }
        Ok(())
    }
}

fn not_found(id: &'static str) -> Error {
    Error::not_found(id, USER_NOT_FOUND)
}

/// Gives a user another login name, if it is another one.
async fn rename(user: &mut Held<'_, UserRow>, at: UserAt<'_>, user_name: Option<&str>) -> Result<Option<Recorded>> {
    let old = user.row.user_name.clone();
    let Some(user_name) = user_name.filter(|name| *name != old) else { return Ok(None) };
    if user.work.handles_taken(user_name, user_name).await?.iter().any(|row| row.user_id != at.id) {
        return Err(Error::already_exists(NAME_TAKEN));
    }
    Ok(Some(user.record(&UserRenamed { at, old: &old, user_name }).await?))
}

/// What a user says after a change, if that is anything else.
fn changed_values(row: &UserRow, change: &MachineChange<'_>) -> Option<MachineValues> {
    let text = |new: Option<&str>, old: &String| new.map_or_else(|| old.clone(), str::to_owned);
    let values = MachineValues {
        name: text(change.name, &row.name),
        description: text(change.description, &row.description),
        access_token_type: change.access_token_type.unwrap_or(row.access_token_type),
    };
    let same = row.name == values.name
        && row.description == values.description
        && row.access_token_type == values.access_token_type;
    (!same).then_some(values)
}

/// Whether a user can be switched so; if not, why.
fn may_switch(state: UserState, switch: UserSwitch) -> std::result::Result<(), &'static str> {
    let (allowed, why) = match switch {
        UserSwitch::Deactivate => (state != UserState::Inactive, "User already inactive"),
        UserSwitch::Reactivate => (state == UserState::Inactive, "User is not inactive"),
        UserSwitch::Lock => (state == UserState::Active, "User is not active or initial"),
        UserSwitch::Unlock => (state == UserState::Locked, "User is not locked"),
    };
    if allowed { Ok(()) } else { Err(why) }
}
