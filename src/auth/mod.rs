//! Who calls and what the caller may do.

mod admitted;
mod idempotency;
mod names;
mod owners;
mod permission;
mod presented;
mod ring;
pub mod scopes;
mod signing;
mod token;
mod usage;

pub use admitted::{Admitted, Caller, org_gone};
pub use idempotency::IdempotencyKey;
pub use names::{can_be_token, can_name};
pub use owners::{Denied, Found, Owners, Reach, Sealed, Target};
pub use permission::{Granted, Limit, Membership, may_give, permissions, permitted, role_names};
pub use presented::Presented;
pub use ring::Ring;
pub use signing::{OldKey, Parts as SigningParts, SigningKeys};
pub use token::{Gate, GateParts, bearer};
pub use usage::Usage;
