//! The field rules that generated code calls; texts are those of contract 1.3.

use std::fmt::Display;

use super::{Validate, Violation};

fn violation(message: &str, field: &dyn Display, reason: &str) -> Violation {
    Violation(format!("invalid {message}.{field}: {reason}"))
}

/// Length in Unicode scalar values; 0 as `max` means no upper bound. NUL is refused everywhere:
/// PostgreSQL cannot store it, and the two engines must agree.
///
/// # Errors
/// The text breaks the rule.
pub fn text(value: &str, min: u32, max: u32, message: &str, field: &dyn Display) -> Result<(), Violation> {
    // Of ASCII texts the bytes are the characters, and most texts are ASCII.
    let length = if value.is_ascii() { value.len() } else { value.chars().count() };
    if length < min as usize || (max != 0 && length > max as usize) {
        let reason = match (min, max) {
            (_, 0) => format!("value length must be at least {min} runes"),
            (0, _) => format!("value length must be at most {max} runes"),
            _ => format!("value length must be between {min} and {max} runes, inclusive"),
        };
        return Err(violation(message, field, &reason));
    }
    if value.contains('\0') {
        return Err(violation(message, field, "value must not contain the character U+0000"));
    }
    Ok(())
}

/// Length of a text or byte string in bytes.
///
/// # Errors
/// It is shorter than `min` or longer than `max`.
pub fn bytes(length: usize, min: u32, max: u32, message: &str, field: &dyn Display) -> Result<(), Violation> {
    if (min as usize..=max as usize).contains(&length) {
        return Ok(());
    }
    let reason = match min {
        0 => format!("value length must be at most {max} bytes"),
        _ => format!("value length must be between {min} and {max} bytes, inclusive"),
    };
    Err(violation(message, field, &reason))
}

/// Number of elements of a list, looked at before any of them is.
///
/// # Errors
/// There are fewer than `min` or more than `max`.
pub fn items(count: usize, min: u32, max: u32, message: &str, field: &dyn Display) -> Result<(), Violation> {
    if (min as usize..=max as usize).contains(&count) {
        return Ok(());
    }
    let reason = match min {
        0 => format!("value must contain no more than {max} items"),
        _ => format!("value must contain between {min} and {max} items, inclusive"),
    };
    Err(violation(message, field, &reason))
}

/// Bytes of all texts of a message together.
///
/// # Errors
/// They are more than `max`.
pub fn sum(bytes: usize, max: u32, message: &str) -> Result<(), Violation> {
    if bytes > max as usize {
        return Err(Violation(format!("invalid {message}: its texts must be at most {max} bytes together")));
    }
    Ok(())
}

/// The enum value 0, called `zero`, is not allowed.
///
/// # Errors
/// The value is 0.
pub fn not_zero(value: i32, zero: &str, message: &str, field: &dyn Display) -> Result<(), Violation> {
    if value == 0 {
        return Err(violation(message, field, &format!("value must not be in list [{zero}]")));
    }
    Ok(())
}

/// Only numbers that the enum defines.
///
/// # Errors
/// The number is unknown.
pub fn defined(known: bool, message: &str, field: &dyn Display) -> Result<(), Violation> {
    if known { Ok(()) } else { Err(violation(message, field, "value must be one of the defined enum values")) }
}

/// A message or oneof that must be there.
///
/// # Errors
/// It is missing.
pub fn required(set: bool, message: &str, field: &dyn Display) -> Result<(), Violation> {
    if set { Ok(()) } else { Err(violation(message, field, "value is required")) }
}

/// Rules of an embedded message.
///
/// # Errors
/// One of its rules is violated.
pub fn nested(value: &impl Validate, message: &str, field: &dyn Display) -> Result<(), Violation> {
    value.validate().map_err(|inner| {
        violation(message, field, &format!("embedded message failed validation | caused by: {}", inner.0))
    })
}
