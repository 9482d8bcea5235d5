//! `details` of answers (contract 1.9 and 1.10, with the differences of the design).

use buffa::{EnumValue, Enumeration, MessageField};
use buffa_types::google::protobuf::Timestamp;

use crate::clock::Micros;
use crate::proto::Part;
use crate::proto::zitadel::v1::{ListDetails, ObjectDetails};
use crate::store::{Listed, Stamp};

/// A value that is stored by the number of its message enum.
pub fn numbered<E: Enumeration>(number: i64) -> EnumValue<E> {
    EnumValue::from(i32::try_from(number).unwrap_or_default())
}

/// A point in time as protobuf.
pub fn timestamp(at: Micros) -> Timestamp {
    Timestamp {
        seconds: at.div_euclid(1_000_000),
        nanos: i32::try_from(at.rem_euclid(1_000_000) * 1000).unwrap_or(0),
        ..Timestamp::default()
    }
}

/// A point in time as the field of a message.
pub fn date(at: Micros) -> Part<Timestamp> {
    MessageField::some(timestamp(at))
}

/// A point in time that may not have come yet.
pub fn optional_timestamp(at: Option<Micros>) -> Part<Timestamp> {
    at.map_or_else(MessageField::none, date)
}

/// What the database counts, none of which is below zero.
pub fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// When an object of an organization was made and last changed.
pub fn details(org: &str, stamp: &Stamp) -> Part<ObjectDetails> {
    MessageField::some(ObjectDetails {
        sequence: count(stamp.sequence),
        creation_date: date(stamp.created_at),
        change_date: date(stamp.changed_at),
        resource_owner: org.to_owned(),
    })
}

/// As [`details`]; only the owner where there is no event to tell of.
pub fn details_if_any(org: &str, stamp: Option<&Stamp>) -> Part<ObjectDetails> {
    let owner = || ObjectDetails { resource_owner: org.to_owned(), ..ObjectDetails::default() };
    stamp.map_or_else(|| MessageField::some(owner()), |stamp| details(org, stamp))
}

/// Details of a list that is part of the program.
pub fn counted(total: usize, now: Micros) -> Part<ListDetails> {
    MessageField::some(ListDetails { total_result: total as u64, view_timestamp: date(now), ..ListDetails::default() })
}

/// Details of a list: rows in all, and the newest event of that kind of object, if there is one.
pub fn list_details<T>(list: &Listed<T>) -> Part<ListDetails> {
    let (total, seen) = (list.total, list.seen.as_ref());
    MessageField::some(ListDetails {
        total_result: count(total),
        processed_sequence: seen.map_or(0, |s| count(s.sequence)),
        view_timestamp: seen.map_or_else(MessageField::none, |s| date(s.changed_at)),
    })
}
