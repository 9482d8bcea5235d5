//! Keys and secrets: making them, hashing them, and the files in which they leave.

pub mod jws;
pub mod keyfile;
pub mod keypool;
pub mod public_key;
pub mod rsa;
pub mod secrets;
mod turns;
pub mod vault;
