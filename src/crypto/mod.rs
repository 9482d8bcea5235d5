//! Keys and secrets: making them, hashing them, and the files in which they leave.

pub mod keyfile;
pub mod keypool;
pub mod rsa;
pub mod secrets;
