//! Who calls and what the caller may do.

mod context;
mod permission;
mod token;

pub use context::{Ctx, Granted};
pub use permission::{Membership, role_names};
pub use token::{Gate, bearer};
