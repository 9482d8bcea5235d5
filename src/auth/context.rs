//! The context of a call: everything a service function may know of its caller.

use std::sync::Arc;

use super::permission::{Membership, evaluate};
use crate::clock::Micros;
use crate::error::{Error, Result};
use crate::proto::{Call, Permission};
use crate::store::Actor;

/// Who calls, for which organization, and when.
#[derive(Debug, Clone)]
pub struct Ctx {
    /// User id of the caller; empty for RPCs that need no token.
    pub user_id: String,
    /// Organization of the caller itself.
    pub user_org_id: String,
    /// The organization the call is about (contract 1.5).
    pub org_id: String,
    /// When the call came in.
    pub now: Micros,
    pub(super) memberships: Arc<[Membership]>,
}

/// Where a permission holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// In the whole organization.
    Everywhere,
    /// Only in these projects.
    Projects(Vec<String>),
}

impl Ctx {
    /// The context of a call that needs no token.
    pub fn public(now: Micros) -> Self {
        Self {
            user_id: String::new(),
            user_org_id: String::new(),
            org_id: String::new(),
            now,
            memberships: Arc::new([]),
        }
    }

    /// The caller as the one who changes something.
    pub fn actor(&self) -> Actor<'_> {
        Actor { id: &self.user_id, org_id: &self.org_id, now: self.now }
    }

    /// The context of a user that acts on what is its own, by a right that no role gives.
    pub fn own(user_id: &str, org_id: &str, now: Micros) -> Self {
        let (user_id, org_id) = (user_id.to_owned(), org_id.to_owned());
        Self { user_id, user_org_id: org_id.clone(), org_id, ..Self::public(now) }
    }

    /// The first line of every service function: may the caller do this, and is the request well
    /// formed? In this order, so that strangers learn nothing from the field rules.
    ///
    /// # Errors
    /// The answers of contract 1.5 (codes 5 and 7) and 1.3 (code 3).
    pub fn admit<C: Call>(&self, request: &C) -> Result<Granted> {
        let granted = match C::RPC.permission {
            Permission::Public | Permission::Authenticated => Granted::Everywhere,
            Permission::Named(permission) => evaluate(&self.memberships, &self.org_id, permission)?,
        };
        if let Granted::Projects(ids) = &granted {
            let wanted = request.context();
            if !wanted.is_empty() && !ids.iter().any(|id| id == wanted) {
                return Err(Error::denied("AUTH-3jknH", "No matching permissions found"));
            }
        }
        request.validate()?;
        Ok(granted)
    }
}
