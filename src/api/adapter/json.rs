//! JSON bodies and query strings on their way to a message.
//!
//! The decoder of the message type follows the protobuf JSON mapping, but it lets a field be given
//! twice and its errors do not name the field. So a body is first walked along the [`Shape`] of the
//! message, without building a tree, and refused with a sentence that says what to do.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::{Map, Value};

use crate::error::{Code, Error, Result};
use crate::proto::{Call, Field, Kind, Shape};

/// Reads a JSON body; an empty or blank one is an empty message.
///
/// # Errors
/// Code 3 with the reason when the body is not one JSON object that fits the message.
pub fn decode<M: Call>(body: &[u8]) -> Result<M> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(M::default());
    }
    if check(body, M::RPC.request)? {
        let mut tree = serde_json::from_slice(body).map_err(|e| malformed(&e))?;
        whole_enums(&mut tree, M::RPC.request);
        return serde_json::from_value(tree).map_err(|e| malformed(&e));
    }
    serde_json::from_slice(body).map_err(|e| malformed(&e))
}

/// Enum numbers such as `1.0` as `1`: the mapping allows them, the decoder does not take them.
fn whole_enums(value: &mut Value, shape: &'static Shape) {
    let Value::Object(object) = value else { return };
    for field in shape.fields {
        for name in [field.json_name, field.name] {
            let items = match object.get_mut(name) {
                Some(Value::Array(items)) => items.as_mut_slice(),
                Some(one) => std::slice::from_mut(one),
                None => continue,
            };
            for item in items {
                match field.kind {
                    Kind::Message(inner) => whole_enums(item, inner),
                    Kind::Enum(_) => {
                        let whole = item.as_f64().filter(|f| f.fract() == 0.0 && f.abs() <= f64::from(i32::MAX));
                        #[expect(clippy::cast_possible_truncation, reason = "whole and within the range")]
                        if let Some(number) = whole {
                            *item = Value::from(number as i32);
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Reads a query string, such as `query.limit=10&query.asc=true`; unknown names are ignored.
///
/// # Errors
/// Code 3 when a value does not fit its field.
pub fn decode_query<M: Call>(query: &str) -> Result<M> {
    if query.is_empty() {
        return Ok(M::default());
    }
    let body = serde_json::to_vec(&tree(query, M::RPC.request)?).map_err(Error::internal)?;
    decode(&body)
}

/// Reads a message of which the field `name` is the JSON body, and the others come from the query string.
///
/// # Errors
/// Code 3 when a value does not fit its field.
pub fn decode_field<M: Call>(query: &str, name: &str, body: &[u8]) -> Result<M> {
    let mut root = tree(query, M::RPC.request)?;
    let field = M::RPC.request.fields.iter().find(|field| field.name == name);
    let Some(Field { json_name, kind: Kind::Message(shape), .. }) = field else {
        return Err(Error::internal(format!("no message is in the field {name}")));
    };
    root.remove(*json_name);
    if !body.iter().all(u8::is_ascii_whitespace) {
        check(body, shape)?;
        root.insert((*json_name).to_owned(), serde_json::from_slice(body).map_err(|e| malformed(&e))?);
    }
    decode(&serde_json::to_vec(&root).map_err(Error::internal)?)
}

/// The parameters of a query string as the JSON of a message.
fn tree(query: &str, shape: &'static Shape) -> Result<Map<String, Value>> {
    let mut root = Map::new();
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        put(&mut root, shape, &unescape(name)?, unescape(value)?)?;
    }
    Ok(root)
}

/// Whether a body could be read as a message of this shape; an empty or blank one is an empty message.
///
/// # Errors
/// As [`decode`].
pub fn fits(body: &[u8], shape: &'static Shape) -> Result<()> {
    if body.iter().all(u8::is_ascii_whitespace) { Ok(()) } else { check(body, shape).map(drop) }
}

/// Refuses what does not fit; true if an enum is given as a number with a fraction part.
fn check(body: &[u8], shape: &'static Shape) -> Result<bool> {
    let fractions = Cell::new(false);
    let mut json = serde_json::Deserializer::from_slice(body);
    Object { shape, path: None, fractions: &fractions }.deserialize(&mut json).map_err(|e| malformed(&e))?;
    json.end().map_err(|_| {
        Error::native(Code::InvalidArgument, "invalid JSON: there is data after the object; send one object only")
    })?;
    Ok(fractions.get())
}

fn malformed(error: &serde_json::Error) -> Error {
    Error::native(Code::InvalidArgument, format!("invalid JSON: {error}"))
}

/// Where in the body a value is, for error texts.
#[derive(Clone, Copy)]
struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    name: &'a str,
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        f.write_str(self.name)
    }
}

/// An object that must fit a shape.
struct Object<'a> {
    shape: &'static Shape,
    path: Option<&'a Path<'a>>,
    fractions: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        match self.path {
            // Only a field may be null; the body itself must be an object.
            None => deserializer.deserialize_map(self),
            Some(_) => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path {
            None => f.write_str("a JSON object"),
            Some(path) => write!(f, "an object for the field {path}"),
        }
    }

    fn visit_unit<E>(self) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            let known = self.shape.fields.iter().find(|f| f.json_name == name || f.name == name);
            let canonical = known.map_or_else(|| name.to_string(), |f| f.json_name.to_owned());
            let path = Path { parent: self.path, name: known.map_or(&name, |f| f.json_name) };
            if !seen.insert(canonical) {
                return Err(A::Error::custom(format_args!("the field {path} is given twice")));
            }
            match known {
                Some(field) => {
                    map.next_value_seed(Slot { field, path: &path, item: false, fractions: self.fractions })?;
                }
                None => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }
}

/// The value of a field, or one item of it.
struct Slot<'a> {
    field: &'static Field,
    path: &'a Path<'a>,
    item: bool,
    fractions: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Slot<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        match self.field.kind {
            Kind::Message(shape) if self.item || !self.field.repeated => {
                Object { shape, path: Some(self.path), fractions: self.fractions }.deserialize(deserializer)
            }
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Slot<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path;
        if self.field.repeated && !self.item {
            return write!(f, "a list for the field {path}");
        }
        match self.field.kind {
            Kind::Text => write!(f, "a string for the field {path}"),
            Kind::Bool => write!(f, "true or false for the field {path}"),
            Kind::Bytes => write!(f, "base64 text for the field {path}"),
            Kind::Number => write!(f, "a number for the field {path}"),
            Kind::Enum(names) => write!(f, "one of {} for the field {path}", names.join(", ")),
            Kind::Message(_) => write!(f, "an object for the field {path}"),
            Kind::WellKnown(name) => write!(f, "the text of a {name} for the field {path}"),
        }
    }

    fn visit_unit<E: serde::de::Error>(self) -> std::result::Result<(), E> {
        // A null field is an absent one; a null item of a list is not a value of its kind.
        if self.item { Err(E::invalid_type(Unexpected::Unit, &self)) } else { Ok(()) }
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> std::result::Result<(), E> {
        match self.single() {
            Some(Kind::Bool) => Ok(()),
            _ => Err(E::invalid_type(Unexpected::Bool(value), &self)),
        }
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> std::result::Result<(), E> {
        self.number(Unexpected::Signed(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> std::result::Result<(), E> {
        self.number(Unexpected::Unsigned(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> std::result::Result<(), E> {
        if let Some(Kind::Enum(_)) = self.single() {
            self.fractions.set(true);
        }
        self.number(Unexpected::Float(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> std::result::Result<(), E> {
        match self.single() {
            Some(Kind::Enum(names)) if !names.contains(&value) => Err(E::invalid_value(Unexpected::Str(value), &self)),
            Some(Kind::Bool | Kind::Message(_)) | None => Err(E::invalid_type(Unexpected::Str(value), &self)),
            Some(_) => Ok(()),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<(), A::Error> {
        if self.item || !self.field.repeated {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        let slot = || Slot { field: self.field, path: self.path, item: true, fractions: self.fractions };
        while seq.next_element_seed(slot())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, _map: A) -> std::result::Result<(), A::Error> {
        Err(A::Error::invalid_type(Unexpected::Map, &self))
    }
}

impl Slot<'_> {
    /// The kind, unless a list is due here.
    fn single(&self) -> Option<Kind> {
        (self.item || !self.field.repeated).then_some(self.field.kind)
    }

    fn number<E: serde::de::Error>(self, value: Unexpected<'_>) -> std::result::Result<(), E> {
        match self.single() {
            Some(Kind::Number | Kind::Enum(_)) => Ok(()),
            _ => Err(E::invalid_type(value, &self)),
        }
    }
}

/// Puts a query parameter where its dotted name says.
fn put(object: &mut Map<String, Value>, shape: &'static Shape, name: &str, value: String) -> Result<()> {
    let (head, rest) = name.split_once('.').map_or((name, None), |(h, r)| (h, Some(r)));
    let Some(field) = shape.fields.iter().find(|f| f.name == head || f.json_name == head) else { return Ok(()) };
    match (field.kind, rest) {
        (Kind::Message(inner), Some(rest)) if !field.repeated => {
            let slot = object.entry(field.json_name).or_insert_with(|| Value::Object(Map::new()));
            slot.as_object_mut().map_or(Ok(()), |o| put(o, inner, rest, value))
        }
        (Kind::Message(_), _) | (_, Some(_)) => Ok(()),
        (kind, None) => {
            let value = match (kind, value.as_str()) {
                (Kind::Bool, "true") => Value::Bool(true),
                (Kind::Bool, "false") => Value::Bool(false),
                (Kind::Enum(_), text) => text.parse::<i32>().map_or(Value::String(value), Value::from),
                _ => Value::String(value),
            };
            if field.repeated {
                let list = object.entry(field.json_name).or_insert_with(|| Value::Array(Vec::new()));
                if let Some(list) = list.as_array_mut() {
                    list.push(value);
                }
                return Ok(());
            }
            match object.insert(field.json_name.to_owned(), value) {
                None => Ok(()),
                Some(_) => Err(Error::native(
                    Code::InvalidArgument,
                    format!("the query parameter {name} is given twice; send it once"),
                )),
            }
        }
    }
}

/// Resolves `+` and percent escapes.
fn unescape(text: &str) -> Result<String> {
    percent_decode(&text.replace('+', " "))
}

/// Resolves percent escapes.
///
/// # Errors
/// Code 3 for an escape that is cut off, not hexadecimal, or does not make UTF-8.
pub fn percent_decode(text: &str) -> Result<String> {
    let bad =
        || Error::native(Code::InvalidArgument, "malformed percent escape in the URL; write %XX with two hex digits");
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|b| *b == b'%') {
        match rest.get(at + 1..at + 3) {
            Some(hex) if hex.iter().all(u8::is_ascii_hexdigit) => rest = &rest[at + 3..],
            _ => return Err(bad()),
        }
    }
    percent_encoding::percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| bad())
}

/// A JSON answer with the headers of the gateway (contract 1.2).
pub fn json_response(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert("x-robots-tag", HeaderValue::from_static("none"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::zitadel::management::v1::ListAppKeysRequest as List;

    #[test]
    fn a_body_can_be_one_field_and_the_query_the_others() {
        let read = |query: &str, body: &[u8]| decode_field::<List>(query, "query", body);
        let limit = |list: &List| list.query.as_option().map(|query| query.limit);
        let list = read("appId=3&query.limit=9", br#"{"limit": 5}"#).expect("a message");
        assert_eq!((list.app_id.as_str(), limit(&list)), ("3", Some(5)));
        let list = read("appId=3&query.limit=9", b" ").expect("a message");
        assert_eq!((list.app_id.as_str(), limit(&list)), ("3", None), "an empty body is no field");
        for bad in [&br#"{"limit": {}}"#[..], b"[]", b"{", br#"{"limit": 1, "limit": 2}"#] {
            let error = read("", bad).expect_err("no such message");
            assert_eq!(error.code, Code::InvalidArgument, "{}", String::from_utf8_lossy(bad));
        }
    }
}
