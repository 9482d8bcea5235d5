//! From a caller to an [`Admitted`]: the one proof that somebody may do something. Only this module makes it, and every
//! service function that acts for somebody wants one.

use std::sync::Arc;

use super::IdempotencyKey;
use super::permission::{Granted, Membership, evaluate};
use crate::clock::Micros;
use crate::error::{Error, Result};
use crate::proto::{Call, Permission, Rpc};
use crate::store::{Actor, Claim};

/// Who calls, for which organization, and when: known, but not yet allowed to do anything.
#[derive(Debug, Clone)]
pub struct Caller {
    /// User id; empty for RPCs that need no token.
    pub(super) user_id: String,
    /// Organization of the caller itself.
    pub(super) user_org_id: String,
    /// The organization the call is about (contract 1.5).
    pub(super) org_id: String,
    /// Whether that organization has been removed.
    pub(super) org_removed: bool,
    /// When the call came in.
    pub(super) now: Micros,
    pub(super) memberships: Arc<[Membership]>,
    /// What makes the call one that changes something once.
    pub(super) idempotency: Idempotent,
}

/// Whether a call changes something once, however often it is made.
#[derive(Debug, Clone, Default)]
pub(super) enum Idempotent {
    #[default]
    No,
    /// Under this key.
    Key(Arc<IdempotencyKey>),
    /// Under this claim, which is the first for its key.
    Claim(Arc<Claim>),
}

/// The name under which the server writes what a seed file says. No user can have it for an id.
const SEED: &str = "_seed";

/// What is in a removed organization: the id of one that is nowhere, for no id holds a blank.
const NOWHERE: &str = " ";

/// Somebody who may do what it asks for, in the organization of the call.
#[derive(Debug)]
pub struct Admitted {
    /// User id; empty for what anybody may do.
    pub user_id: String,
    /// Organization of the user.
    pub user_org_id: String,
    /// The organization that owns what is acted on.
    pub org_id: String,
    /// When the call came in.
    pub now: Micros,
    /// Where in the organization the permission holds.
    pub granted: Granted,
    /// Whether it is the server itself, which may do whatever its rules allow, and has no roles.
    pub is_server: bool,
    /// Under which it changes something once.
    claim: Option<Arc<Claim>>,
    /// Keeps everybody else from making one.
    _made_here: (),
}

impl Caller {
    /// Somebody without a token.
    pub(super) fn stranger(now: Micros) -> Self {
        Self {
            user_id: String::new(),
            user_org_id: String::new(),
            org_id: String::new(),
            org_removed: false,
            now,
            memberships: Arc::new([]),
            idempotency: Idempotent::No,
        }
    }

    /// Names the call, so that it changes something once.
    ///
    /// # Errors
    /// Code 3 when the key is not 1 to 255 visible ASCII characters.
    pub fn name_call(&mut self, rpc: &Rpc, token: &str, key: &[u8]) -> Result<()> {
        self.idempotency = Idempotent::Key(Arc::new(IdempotencyKey::of(&self.user_id, rpc.full, token, key)?));
        Ok(())
    }

    /// The idempotency key of the call; it is taken once.
    pub fn take_idempotency_key(&mut self) -> Option<Arc<IdempotencyKey>> {
        match std::mem::take(&mut self.idempotency) {
            Idempotent::Key(key) => Some(key),
            _ => None,
        }
    }

    /// What the call changes is changed under a claim.
    pub fn claims(&mut self, claim: &Arc<Claim>) {
        self.idempotency = Idempotent::Claim(Arc::clone(claim));
    }

    /// User id; empty for RPCs that need no token.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The organization the call is about (contract 1.5).
    pub fn org_id(&self) -> &str {
        &self.org_id
    }

    /// When the call came in.
    pub fn now(&self) -> Micros {
        self.now
    }

    /// As [`Caller::admit_anyway`], for calls about what is in an organization. Of one that has been removed nothing
    /// is found, and nothing can be put into it.
    ///
    /// # Errors
    /// As [`Caller::admit_anyway`]; `COMMAND-QXPGs` something would be written into a removed organization.
    pub fn admit<C: Call>(self, request: &C) -> Result<Admitted> {
        let removed = self.org_removed;
        let mut who = self.admit_anyway(request)?;
        match C::RPC.permission {
            Permission::Named(permission) if removed && is_inside(permission) => {
                if !reads(permission) {
                    return Err(org_gone());
                }
                NOWHERE.clone_into(&mut who.org_id);
            }
            _ => {}
        }
        Ok(who)
    }

    /// The first line of every function of the wire: may the caller do this, and is the request well
    /// formed? In this order, so that strangers learn nothing from the field rules.
    ///
    /// # Errors
    /// The answers of contract 1.5 (codes 5 and 7) and 1.3 (code 3).
    pub fn admit_anyway<C: Call>(self, request: &C) -> Result<Admitted> {
        let granted = match C::RPC.permission {
            Permission::Public | Permission::Authenticated => Granted::Everywhere,
            Permission::Named(permission) => evaluate(&self.memberships, &self.org_id, permission)?,
            // This way in knows only the organization of the head.
            Permission::OfOwner(_) => {
                return Err(Error::internal(format!("{} lets in by Owners only", C::RPC.full)));
            }
        };
        let wanted = request.context();
        if !wanted.is_empty() && !granted.covers(wanted) {
            return Err(Error::denied("AUTH-3jknH", "No matching permissions found"));
        }
        request.validate()?;
        Ok(self.admitted(granted))
    }

    /// Let in where an object belongs that was found by its id.
    pub(super) fn admitted_at(self, org_id: String, granted: Granted) -> Admitted {
        Self { org_id, ..self }.admitted(granted)
    }

    fn admitted(self, granted: Granted) -> Admitted {
        let Self { user_id, user_org_id, org_id, now, idempotency, .. } = self;
        let claim = if let Idempotent::Claim(claim) = idempotency { Some(claim) } else { None };
        Admitted { user_id, user_org_id, org_id, now, granted, is_server: false, claim, _made_here: () }
    }
}

/// Whether a permission is about what is in the organization of the call.
fn is_inside(permission: &str) -> bool {
    !permission.starts_with("iam.") && !permission.contains(".global.") && permission != "org.create"
}

/// Whether a permission changes nothing.
fn reads(permission: &str) -> bool {
    permission.rsplit('.').next() == Some("read")
}

impl Admitted {
    /// A user that acts on what is its own, by a right that no role gives.
    pub fn own(user_id: &str, org_id: &str, now: Micros) -> Self {
        let (user_id, org_id) = (user_id.to_owned(), org_id.to_owned());
        let caller = Caller { user_id, user_org_id: org_id.clone(), org_id, ..Caller::stranger(now) };
        caller.admitted(Granted::Everywhere)
    }

    /// The server itself, for what whoever starts it wants to be there. Nobody who calls over the network gets here.
    pub fn server(org_id: &str, now: Micros) -> Self {
        Self { is_server: true, ..Self::own(SEED, org_id, now) }
    }

    /// Itself as the one who changes something.
    pub fn actor(&self) -> Actor<'_> {
        Actor { claim: self.claim.as_deref(), ..self.onlooker() }
    }

    /// Itself as one who only looks, in a unit of work beside that of the change.
    pub fn onlooker(&self) -> Actor<'_> {
        Actor::new(&self.user_id, &self.org_id, self.now)
    }
}

/// What calls that write into a removed organization answer.
pub fn org_gone() -> Error {
    Error::precondition("COMMAND-QXPGs", "Organisation not found")
}
