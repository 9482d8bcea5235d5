//! Texts that several services answer with.

/// There is no such user.
pub const USER_NOT_FOUND: &str = "User could not be found";
