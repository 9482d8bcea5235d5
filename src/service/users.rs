//! Users: machines, for there are no people here.

use super::outcome::{Created, changed, made};
use super::texts::USER_NOT_FOUND;
use super::{Deps, chosen, members, user_grants};
use crate::auth::Admitted;
use crate::error::{Code, Error, Result};
use crate::store::{
    AggregateKind, ChangePage, ChangeRow, GrantsOf, Listed, MachineAdded, MachineChanged, MachineValues, Page, Stamp,
    UserAt, UserFilter, UserOrder, UserRemoved, UserRenamed, UserRow, UserState, UserSwitch, UserSwitched, fold,
};

const NAME_TAKEN: &str = "User already exists";

/// Users of organizations.
pub struct Users(pub(super) Deps);

/// A new machine user.
#[derive(Debug)]
pub struct NewMachine<'a> {
    /// The identifier that the caller chooses; one is made if there is none.
    pub id: Option<&'a str>,
    /// Its login name.
    pub user_name: &'a str,
    /// What else it says.
    pub values: &'a MachineValues,
}

/// A change of a user's state: which answers and which event.
struct Switch {
    missing: &'static str,
    allowed: fn(UserState) -> bool,
    refused: (&'static str, &'static str),
    what: UserSwitch,
}

impl Users {
    /// Adds a machine user, active at once and without any role.
    ///
    /// # Errors
    /// Code 3 the chosen id has other signs than ids may have, or the login name looks like an id of the server;
    /// `COMMAND-k2una` the chosen id is used, or looks like one of the server; code 6 login name taken.
    pub async fn add_machine_user(&self, who: &Admitted, new: NewMachine<'_>) -> Result<Created> {
        let NewMachine { id: chosen, user_name, values } = new;
        self.fresh(chosen, user_name).await?;
        let id = match chosen {
            Some(id) => id.to_owned(),
            None => self.0.env.ids.next().await,
        };
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
            Ok(made(&user.record(&MachineAdded { at, user_name, values }).await?))
        });
        let stamp = work.await?;
        Ok(Created { id, stamp })
    }

    /// Replaces name, description and token type of a user.
    ///
    /// # Errors
    /// `COMMAND-5M0od` no such user, `COMMAND-2n8vs` nothing changed.
    pub async fn update_machine(&self, who: &Admitted, id: &str, values: &MachineValues) -> Result<Stamp> {
        let at = UserAt { org_id: &who.org_id, id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut user = work.user_held(at).await?.ok_or_else(|| missing("COMMAND-5M0od"))?;
            let row = &user.row;
            let same = row.name == values.name
                && row.description == values.description
                && row.access_token_type == values.access_token_type;
            if same {
                return Err(Error::precondition("COMMAND-2n8vs", "Errors.User.NotChanged"));
            }
            let event = user.record(&MachineChanged { at, values }).await?;
            Ok(changed(&event, user.row.stamp.created_at))
        });
        work.await
    }

    /// Gives a user another login name: this one without the blanks around it.
    ///
    /// # Errors
    /// `COMMAND-2N9fs` blank, code 3 it looks like an id of the server, `COMMAND-5N9ds` no such user, `COMMAND-6m9gs`
    /// unchanged, code 6 taken.
    pub async fn update_user_name(&self, who: &Admitted, id: &str, user_name: &str) -> Result<Stamp> {
        let user_name = user_name.trim();
        if user_name.is_empty() {
            return Err(Error::invalid("COMMAND-2N9fs", "ID missing"));
        }
        self.fresh(None, user_name).await?;
        let at = UserAt { org_id: &who.org_id, id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut user = work.user_held(at).await?.ok_or_else(|| missing("COMMAND-5N9ds"))?;
            let old = user.row.user_name.clone();
            if old == user_name {
                return Err(Error::precondition("COMMAND-6m9gs", "Username not changed"));
            }
            if user.work.handles_taken(user_name, user_name).await?.iter().any(|row| row.user_id != at.id) {
                return Err(Error::already_exists(NAME_TAKEN));
            }
            let event = user.record(&UserRenamed { at, old: &old, user_name }).await?;
            Ok(changed(&event, user.row.stamp.created_at))
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

    /// What happened to a user, its keys and its tokens; an unknown one has no past.
    pub async fn list_user_changes(&self, who: &Admitted, id: &str, page: ChangePage) -> Result<Vec<ChangeRow>> {
        Ok(self.0.store.changes(AggregateKind::User, &who.org_id, id, None, page).await?)
    }

    /// Whether no user of the server has this login name. Machines have no e-mail address, so one is always free.
    pub async fn is_user_unique(&self, _who: &Admitted, user_name: &str, email: &str) -> Result<bool> {
        let taken = email.is_empty() && self.0.store.user_name_taken(user_name).await?;
        Ok(!taken)
    }

    /// Switches a user off, also a locked one.
    ///
    /// # Errors
    /// `COMMAND-3M9ds` no such user, `COMMAND-5M0sf` inactive already.
    pub async fn deactivate_user(&self, who: &Admitted, id: &str) -> Result<Stamp> {
        let switch = Switch {
            missing: "COMMAND-3M9ds",
            allowed: |state| state != UserState::Inactive,
            refused: ("COMMAND-5M0sf", "User already inactive"),
            what: UserSwitch::Deactivate,
        };
        self.switch(who, id, &switch).await
    }

    /// Switches a user on.
    ///
    /// # Errors
    /// `COMMAND-4M0sd` no such user, `COMMAND-6M0sf` not inactive.
    pub async fn reactivate_user(&self, who: &Admitted, id: &str) -> Result<Stamp> {
        let switch = Switch {
            missing: "COMMAND-4M0sd",
            allowed: |state| state == UserState::Inactive,
            refused: ("COMMAND-6M0sf", "User is not inactive"),
            what: UserSwitch::Reactivate,
        };
        self.switch(who, id, &switch).await
    }

    /// Locks a user.
    ///
    /// # Errors
    /// `COMMAND-5M9fs` no such user, `COMMAND-3NN8v` not active.
    pub async fn lock_user(&self, who: &Admitted, id: &str) -> Result<Stamp> {
        let switch = Switch {
            missing: "COMMAND-5M9fs",
            allowed: |state| state == UserState::Active,
            refused: ("COMMAND-3NN8v", "User is not active or initial"),
            what: UserSwitch::Lock,
        };
        self.switch(who, id, &switch).await
    }

    /// Takes the lock of a user away.
    ///
    /// # Errors
    /// `COMMAND-M0dos` no such user, `COMMAND-4M0ds` not locked.
    pub async fn unlock_user(&self, who: &Admitted, id: &str) -> Result<Stamp> {
        let switch = Switch {
            missing: "COMMAND-M0dos",
            allowed: |state| state == UserState::Locked,
            refused: ("COMMAND-4M0ds", "User is not locked"),
            what: UserSwitch::Unlock,
        };
        self.switch(who, id, &switch).await
    }

    /// Removes a user with its keys, tokens, memberships and grants.
    ///
    /// # Errors
    /// `COMMAND-m9od` no such user.
    pub async fn remove_user(&self, who: &Admitted, id: &str) -> Result<Stamp> {
        let at = UserAt { org_id: &who.org_id, id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            members::may_go(&mut work, at).await?;
            let mut user = work.user_held_to_end(at).await?.ok_or_else(|| missing("COMMAND-m9od"))?;
            user_grants::cascade(user.work, GrantsOf::User(at)).await?;
            let user_name = user.row.user_name.clone();
            let event = user.record(&UserRemoved { at, user_name: &user_name }).await?;
            Ok(changed(&event, user.row.stamp.created_at))
        });
        work.await
    }

    async fn switch(&self, who: &Admitted, id: &str, switch: &Switch) -> Result<Stamp> {
        let at = UserAt { org_id: &who.org_id, id };
        let work = self.0.store.work(who.actor(), async |mut work| {
            if matches!(switch.what, UserSwitch::Deactivate | UserSwitch::Lock) {
                members::may_go(&mut work, at).await?;
            }
            let mut user = work.user_held(at).await?.ok_or_else(|| missing(switch.missing))?;
            if !(switch.allowed)(user.row.state) {
                return Err(Error::precondition(switch.refused.0, switch.refused.1));
            }
            let event = user.record(&UserSwitched { at, switch: switch.what }).await?;
            Ok(changed(&event, user.row.stamp.created_at))
        });
        work.await
    }

    /// What a caller chooses must not look like what the server gives out.
    async fn fresh(&self, id: Option<&str>, user_name: &str) -> Result<()> {
        if let Some(id) = id {
            chosen::check_signs(id, "AddMachineUserRequest.UserId")?;
            if chosen::is_given(&self.0, id).await? {
                let text =
                    "numbers like this are ids that the server gives; leave userId out, or choose one with a letter";
                return Err(Error::precondition("COMMAND-k2una", text));
            }
        }
        if chosen::is_given(&self.0, user_name).await? {
            let text = "invalid user name: numbers like this are ids of the server; choose a name with a letter";
            return Err(Error::native(Code::InvalidArgument, text));
        }
        Ok(())
    }
}

fn missing(id: &'static str) -> Error {
    Error::not_found(id, USER_NOT_FOUND)
}
