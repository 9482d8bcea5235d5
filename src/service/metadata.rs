//! Metadata: values that callers keep with their organization or its users.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Deps;
use super::outcome::made;
use super::texts::USER_NOT_FOUND;
use crate::auth::{Admitted, org_gone};
use crate::crypto::secrets;
use crate::error::{Error, Result};
use crate::store::{
    Change, Held, Listed, MetadataEntry, MetadataHeld, MetadataOwner, MetadataRemoved, MetadataRow, MetadataSet,
    OrgRow, Page, Recorded, Stamp, TextFilter, UserAt, UserRow, Work,
};

/// Most keys of one owner (ADR 4).
const MAX_KEYS: usize = 1000;
/// Most bytes of keys and values of one owner together, so that a list of all of them fits into one answer of gRPC.
const MAX_BYTES: i64 = 3_500_000;

/// Values of the organization of the call, and of its users.
pub struct Metadata(pub(super) Deps);

/// Whose values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<'a> {
    /// Those of the organization of the call.
    Org,
    /// Those of a user of it.
    User(&'a str),
}

impl<'a> Owner<'a> {
    fn at(self, who: &'a Admitted) -> MetadataOwner<'a> {
        let user_id = match self {
            Self::Org => None,
            Self::User(id) => Some(id),
        };
        MetadataOwner { org_id: &who.org_id, user_id }
    }

    /// One of two ids of the same error.
    fn pick(self, org: &'static str, user: &'static str) -> &'static str {
        if self == Owner::Org { org } else { user }
    }
}

impl Metadata {
    /// Sets one value. The one it has already is written again for an organization, and not for a user.
    ///
    /// # Errors
    /// As [`Metadata::bulk_set`].
    pub async fn set(&self, who: &Admitted, owner: Owner<'_>, key: &str, value: &[u8]) -> Result<Stamp> {
        self.write(who, owner, &[(key, value)], owner == Owner::Org).await
    }

    /// Sets values, those that change; all or none. Empty ones are passed over.
    ///
    /// # Errors
    /// `COMMAND-QXPGs` the organization has been removed, `COMMAND-uXHNj` no such user, `META-9mm2d` no values,
    /// `META-Tm7k2` more keys or bytes than an owner may have.
    pub async fn bulk_set(&self, who: &Admitted, owner: Owner<'_>, values: &[(&str, &[u8])]) -> Result<Stamp> {
        self.write(who, owner, values, false).await
    }

    async fn write(&self, who: &Admitted, owner: Owner<'_>, values: &[(&str, &[u8])], again: bool) -> Result<Stamp> {
        let mut given = entries(values);
        given.retain(|entry| !entry.value.is_empty());
        let at = owner.at(who);
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut target = Target::lock(&mut work, at).await?;
            if values.is_empty() {
                return Err(Error::precondition("META-9mm2d", "Metadata list is empty"));
            }
            let held = target.unit().metadata_held(at).await?;
            let entries = changing(&held, given.iter(), again);
            if entries.is_empty() {
                return Ok(newest(&held, &given));
            }
            fits(&held, &entries)?;
            Ok(made(&target.record(&MetadataSet { owner: at, entries }).await?))
        });
        work.await
    }

    /// Removes one value.
    ///
    /// # Errors
    /// As [`Metadata::bulk_set`]; `META-mcnw3`, `META-ncnw3` no such key.
    pub async fn remove(&self, who: &Admitted, owner: Owner<'_>, key: &str) -> Result<Stamp> {
        let none = || Error::not_found(owner.pick("META-mcnw3", "META-ncnw3"), "Metadata not found");
        self.take(who, owner, &[key], none).await
    }

    /// Removes values, all or none.
    ///
    /// # Errors
    /// As [`Metadata::bulk_set`]; `META-9mw2d`, `META-9mm2d` no keys, `META-2npds`, `META-2nnds` one of them is not
    /// there.
    pub async fn bulk_remove(&self, who: &Admitted, owner: Owner<'_>, keys: &[&str]) -> Result<Stamp> {
        let none = || Error::not_found(owner.pick("META-2npds", "META-2nnds"), "One or more keys do not exist");
        self.take(who, owner, keys, none).await
    }

    async fn take(&self, who: &Admitted, owner: Owner<'_>, keys: &[&str], none: impl Fn() -> Error) -> Result<Stamp> {
        let at = owner.at(who);
        let mut once: Vec<&str> = Vec::with_capacity(keys.len());
        for key in keys {
            if !once.contains(key) {
                once.push(key);
            }
        }
        let work = self.0.store.work(who.actor(), async |mut work| {
            let mut target = Target::lock(&mut work, at).await?;
            if keys.is_empty() {
                return Err(Error::precondition(owner.pick("META-9mw2d", "META-9mm2d"), "Metadata list is empty"));
            }
            let held = target.unit().metadata_held(at).await?;
            if !once.iter().all(|key| held.iter().any(|row| row.key == *key)) {
                return Err(none());
            }
            Ok(made(&target.record(&MetadataRemoved { owner: at, keys: once.clone() }).await?))
        });
        work.await
    }

    /// One value.
    pub async fn get(&self, who: &Admitted, owner: Owner<'_>, key: &str) -> Result<Option<MetadataRow>> {
        Ok(self.0.store.metadata_by_key(owner.at(who), key).await?)
    }

    /// Values whose keys pass all filters; an unknown user has none.
    pub async fn list(
        &self,
        who: &Admitted,
        owner: Owner<'_>,
        keys: &[TextFilter],
        page: Page,
    ) -> Result<Listed<MetadataRow>> {
        Ok(self.0.store.metadata_search(owner.at(who), keys, page).await?)
    }
}

/// Keys and values as they are given, with what the events say of the values.
pub(super) fn entries<'a>(values: &[(&'a str, &'a [u8])]) -> Vec<MetadataEntry<'a>> {
    values.iter().map(|(key, value)| MetadataEntry { key, value, digest: digest(value) }).collect()
}

/// Sets values of a user that is locked or being made, those that change, and removes those whose value is empty. Of a
/// key that is given twice the last one counts. Gives the last event, if anything changed.
///
/// # Errors
/// `META-Tm7k2` more keys or bytes than an owner may have.
pub(super) async fn change<R>(
    user: &mut Held<'_, R>,
    at: UserAt<'_>,
    given: &[MetadataEntry<'_>],
) -> Result<Option<Recorded>> {
    if given.is_empty() {
        return Ok(None);
    }
    let owner = MetadataOwner { org_id: at.org_id, user_id: Some(at.id) };
    let mut held = user.work.metadata_held(owner).await?;
    let last: BTreeMap<&str, &MetadataEntry<'_>> = given.iter().map(|entry| (entry.key, entry)).collect();
    let goes = |row: &MetadataHeld| last.get(row.key.as_str()).is_some_and(|entry| entry.value.is_empty());
    let gone: Vec<String> = held.extract_if(.., |row| goes(row)).map(|row| row.key).collect();
    let keys: Vec<&str> = gone.iter().map(String::as_str).collect();
    let set = changing(&held, last.into_values().filter(|entry| !entry.value.is_empty()), false);
    fits(&held, &set)?;
    let mut event = None;
    if !keys.is_empty() {
        event = Some(user.record(&MetadataRemoved { owner, keys }).await?);
    }
    if !set.is_empty() {
        event = Some(user.record(&MetadataSet { owner, entries: set }).await?);
    }
    Ok(event)
}

/// Who has the values, locked.
enum Target<'w> {
    Org(Held<'w, OrgRow>),
    User(Held<'w, UserRow>),
}

impl<'w> Target<'w> {
    async fn lock(work: &'w mut Work, at: MetadataOwner<'_>) -> Result<Self> {
        Ok(match at.user_id {
            None => Self::Org(work.org_held(at.org_id).await?.ok_or_else(org_gone)?),
            Some(id) => Self::User(work.user_held(UserAt { org_id: at.org_id, id }).await?.ok_or_else(no_user)?),
        })
    }

    fn unit(&mut self) -> &mut Work {
        match self {
            Self::Org(org) => org.work,
            Self::User(user) => user.work,
        }
    }

    async fn record(&mut self, change: &impl Change) -> Result<Recorded> {
        Ok(match self {
            Self::Org(org) => org.record(change).await?,
            Self::User(user) => user.record(change).await?,
        })
    }
}

/// There is no such user to keep values with.
pub fn no_user() -> Error {
    Error::precondition("COMMAND-uXHNj", USER_NOT_FOUND)
}

/// SHA-256 of a value, in hex.
fn digest(value: &[u8]) -> String {
    secrets::digest(value).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Those of the given values that change something when they are written one after the other, or all.
fn changing<'g>(
    held: &[MetadataHeld],
    given: impl Iterator<Item = &'g MetadataEntry<'g>>,
    again: bool,
) -> Vec<&'g MetadataEntry<'g>> {
    let mut now: BTreeMap<&str, &str> = held.iter().map(|row| (row.key.as_str(), row.digest.as_str())).collect();
    let mut changes = Vec::new();
    for entry in given {
        let before = now.insert(entry.key, &entry.digest);
        if again || before != Some(entry.digest.as_str()) {
            changes.push(entry);
        }
    }
    changes
}

/// The newest event of the values that stay as they are; of all, if none was given.
fn newest(held: &[MetadataHeld], given: &[MetadataEntry<'_>]) -> Stamp {
    let asked = |row: &&MetadataHeld| given.len() != 1 || given.iter().any(|entry| entry.key == row.key);
    let row = held.iter().filter(asked).max_by_key(|row| row.stamp.sequence);
    row.map_or(Stamp { sequence: 0, created_at: 0, changed_at: 0 }, |row| Stamp {
        created_at: row.stamp.changed_at,
        ..row.stamp.clone()
    })
}

/// Whether an owner may have all that it will have.
fn fits(held: &[MetadataHeld], entries: &[&MetadataEntry<'_>]) -> Result<()> {
    let size = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX);
    let mut sizes: BTreeMap<&str, i64> = held.iter().map(|row| (row.key.as_str(), row.size)).collect();
    sizes.extend(entries.iter().map(|entry| (entry.key, size(entry.value.len()))));
    let sum: i64 = sizes.iter().map(|(key, bytes)| size(key.len()) + bytes).sum();
    if sizes.len() > MAX_KEYS || sum > MAX_BYTES {
        let text = "Metadata may have 1000 keys and 3500000 bytes of keys and values in all; remove some first";
        return Err(Error::precondition("META-Tm7k2", text));
    }
    Ok(())
}
