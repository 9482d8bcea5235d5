//! `details` of answers (contract 1.9 and 1.10, with the differences of the design).

use buffa::MessageField;
use buffa_types::google::protobuf::Timestamp;

use super::Part;
use super::zitadel::v1::{ListDetails, ObjectDetails};
use crate::clock::Micros;
use crate::store::{Recorded, Seen, Stamp};

/// A point in time as protobuf.
pub fn timestamp(at: Micros) -> Timestamp {
    Timestamp {
        seconds: at.div_euclid(1_000_000),
        nanos: i32::try_from(at.rem_euclid(1_000_000) * 1000).unwrap_or(0),
        ..Timestamp::default()
    }
}

/// A point in time that may not have come yet.
pub fn optional_timestamp(at: Option<Micros>) -> Part<Timestamp> {
    at.map_or_else(MessageField::none, |at| MessageField::some(timestamp(at)))
}

/// Details of a read: when the object was made and last changed.
pub fn full_details(org: &str, stamp: &Stamp) -> Part<ObjectDetails> {
    MessageField::some(ObjectDetails {
        sequence: u64::try_from(stamp.sequence).unwrap_or(0),
        creation_date: MessageField::some(timestamp(stamp.created_at)),
        change_date: MessageField::some(timestamp(stamp.changed_at)),
        resource_owner: org.to_owned(),
    })
}

/// Details where there is no event to tell of: only the owner.
pub fn owner_details(org: &str) -> Part<ObjectDetails> {
    MessageField::some(ObjectDetails { resource_owner: org.to_owned(), ..ObjectDetails::default() })
}

/// Details of a write: the last event of the call; `created_at` is when the object was made.
pub fn change_details(org: &str, event: &Recorded, created_at: Micros) -> Part<ObjectDetails> {
    full_details(org, &Stamp { sequence: event.sequence, created_at, changed_at: event.at })
}

/// Details of a list: rows in all, and the newest event of that kind of object, if there is one.
pub fn list_details(total: i64, seen: Option<&Seen>) -> Part<ListDetails> {
    MessageField::some(ListDetails {
        total_result: u64::try_from(total).unwrap_or(0),
        processed_sequence: seen.map_or(0, |s| u64::try_from(s.sequence).unwrap_or(0)),
        view_timestamp: seen.map_or_else(MessageField::none, |s| MessageField::some(timestamp(s.changed_at))),
    })
}
