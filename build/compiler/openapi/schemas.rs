//! Messages as schemas. What may be sent is wider than what is answered: numbers as texts, `null` for what is not
//! there, names or numbers of enums. A message that is both sent and answered has a schema for each.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};
use serde_json::{Map, Value, json};

use super::super::contract::{Contract, Rpc};
use super::super::fields::{FieldRules, is_required, longest_sum};
use super::super::is_ours;
use super::super::options::Options;
use super::super::rest::Body;
use super::{comment, examples, fields};

/// All messages of the contract that are on the wire as JSON.
pub struct Schemas<'a> {
    options: &'a Options,
    inputs: BTreeMap<String, MessageDescriptor>,
    outputs: BTreeMap<String, MessageDescriptor>,
    /// Fields that are in the path, by their full names: bodies do not have them.
    in_path: BTreeSet<String>,
    /// Enums of which any number is taken.
    open: BTreeSet<String>,
}

impl<'a> Schemas<'a> {
    /// Those of a contract.
    pub fn of(contract: &Contract, options: &'a Options) -> Self {
        let inputs = reached(contract.rpcs.iter().flat_map(bodies));
        let outputs = reached(contract.rpcs.iter().map(|rpc| rpc.method.output()));
        let in_path = contract.rpcs.iter().flat_map(|rpc| {
            let params = rpc.rest.iter().flat_map(|rest| rest.params.iter());
            params.map(|name| format!("{}.{name}", rpc.method.input().full_name())).collect::<Vec<_>>()
        });
        let mut this = Self { options, inputs, outputs, in_path: in_path.collect(), open: BTreeSet::new() };
        this.open = this
            .inputs
            .values()
            .flat_map(|message| message.fields().collect::<Vec<_>>())
            .filter(|field| !FieldRules::of(field, options).defined_only)
            .filter_map(|field| field.kind().as_enum().map(|kind| kind.full_name().to_owned()))
            .collect();
        this
    }

    /// All schemas by their names.
    pub fn write(&self) -> Map<String, Value> {
        let inputs = self.inputs.values().map(|message| (self.name(message, true), self.sent(message)));
        let outputs = self.outputs.values().map(|message| (self.name(message, false), self.answered(message)));
        inputs.chain(outputs).collect()
    }

    /// A reference to what may be sent.
    pub fn input(&self, message: &MessageDescriptor) -> Value {
        self.reference(message, true)
    }

    /// A reference to what is answered.
    pub fn output(&self, message: &MessageDescriptor) -> Value {
        self.reference(message, false)
    }

    fn reference(&self, message: &MessageDescriptor, sent: bool) -> Value {
        json!({"$ref": format!("#/components/schemas/{}", self.name(message, sent))})
    }

    fn name(&self, message: &MessageDescriptor, sent: bool) -> String {
        let both = sent && self.outputs.contains_key(message.full_name());
        format!("{}{}", message.full_name(), if both { ".Sent" } else { "" })
    }

    /// An example of a message.
    pub fn example(&self, message: &MessageDescriptor, sent: bool) -> Value {
        let fields = |message: &MessageDescriptor| {
            message.fields().filter(|field| !sent || !self.is_in_path(field)).collect::<Vec<_>>()
        };
        examples::message(message, &fields, sent, 0)
    }

    /// Whether a request cannot do without a body.
    pub fn is_needed(&self, message: &MessageDescriptor) -> bool {
        let needed = |oneof: OneofDescriptor| is_required(&oneof, self.options);
        message.fields().any(|field| !self.is_in_path(&field) && self.is_required(&field))
            || message.oneofs().any(needed)
    }

    /// Whether a request is refused without that field.
    pub fn is_required(&self, field: &FieldDescriptor) -> bool {
        let rules = FieldRules::of(field, self.options);
        let alone = field.containing_oneof().is_none();
        let filled = rules.min_len > 0 || rules.min_bytes > 0 || rules.not_zero;
        alone && (rules.required || rules.min_items > 0 || (!field.is_list() && filled))
    }

    /// Exactly one field of a oneof that must be set; at most one of any other.
    fn choice(&self, oneof: &OneofDescriptor) -> Value {
        if is_required(oneof, self.options) {
            let set = |name: &str| json!({"required": [name], "properties": {name: {"not": {"type": "null"}}}});
            return json!({"oneOf": oneof.fields().map(|field| set(field.json_name())).collect::<Value>()});
        }
        let but = |kept: FieldDescriptor| {
            let others = oneof.fields().filter(|field| *field != kept);
            let none: Map<_, _> = others.map(|field| (field.json_name().to_owned(), json!({"type": "null"}))).collect();
            json!({"properties": none})
        };
        json!({"anyOf": oneof.fields().map(but).collect::<Value>()})
    }

    fn is_in_path(&self, field: &FieldDescriptor) -> bool {
        self.in_path.contains(field.full_name())
    }

    /// One text of a path.
    pub fn plain(&self, field: &FieldDescriptor) -> Value {
        fields::text(&FieldRules::of(field, self.options))
    }

    /// A value of a query string.
    pub fn of_query(&self, field: &FieldDescriptor) -> Value {
        let rules = FieldRules::of(field, self.options);
        fields::list(field, &rules, fields::of_query(field, &rules))
    }

    /// What may be sent.
    fn sent(&self, message: &MessageDescriptor) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in message.fields().filter(|field| !self.is_in_path(field)) {
            let must = self.is_required(&field);
            if must {
                required.push(field.json_name().to_owned());
            }
            let rules = FieldRules::of(&field, self.options);
            let value = match field.kind() {
                Kind::Message(inner) if is_ours(inner.full_name()) => self.input(&inner),
                _ => fields::sent(&field, &rules),
            };
            let value = fields::list(&field, &rules, value);
            let value = if must { value } else { fields::or_null(value) };
            properties.insert(field.json_name().to_owned(), described(&field, value));
        }
        let mut schema = self.object(message, &properties);
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        let chosen = |oneof: &OneofDescriptor| is_required(oneof, self.options) || oneof.fields().len() > 1;
        let mut choices: Vec<Value> = message.oneofs().filter(chosen).map(|oneof| self.choice(&oneof)).collect();
        if choices.len() > 1 {
            schema["allOf"] = choices.into();
        } else if let Some(Value::Object(only)) = choices.pop()
            && let Some(all) = schema.as_object_mut()
        {
            all.extend(only);
        }
        schema
    }

    /// What is answered: what is zero is left out, so nothing is always there.
    fn answered(&self, message: &MessageDescriptor) -> Value {
        let mut properties = Map::new();
        for field in message.fields() {
            let value = match field.kind() {
                Kind::Message(inner) if is_ours(inner.full_name()) => self.output(&inner),
                kind => fields::answered(&kind, &self.open),
            };
            let value = if field.is_list() { json!({"type": "array", "items": value}) } else { value };
            properties.insert(field.json_name().to_owned(), described(&field, value));
        }
        self.object(message, &properties)
    }

    fn object(&self, message: &MessageDescriptor, properties: &Map<String, Value>) -> Value {
        let mut said = vec![comment(message)];
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic() && oneof.fields().len() > 1) {
            let names: Vec<String> = oneof.fields().map(|field| format!("`{}`", field.json_name())).collect();
            said.push(format!("At most one of {}.", names.join(", ")));
        }
        if let Some(bytes) = longest_sum(message, self.options) {
            said.push(format!("All its texts are at most {bytes} bytes together."));
        }
        let mut schema = json!({"type": "object", "title": message.name(), "properties": properties});
        let said = said.join(" ").trim().to_owned();
        if !said.is_empty() {
            schema["description"] = said.into();
        }
        schema
    }
}

/// With what the contract says of the field.
fn described(field: &FieldDescriptor, mut value: Value) -> Value {
    let said = comment(field);
    if !said.is_empty() {
        value["description"] = said.into();
    }
    value
}

/// The messages that an RPC takes as JSON.
fn bodies(rpc: &Rpc) -> Vec<MessageDescriptor> {
    let input = rpc.method.input();
    match rpc.rest.as_ref().map(|rest| &rest.body) {
        None | Some(Body::Whole) => vec![input],
        Some(Body::None) => Vec::new(),
        Some(Body::Field(name)) => {
            let field = input.get_field_by_name(name);
            field.and_then(|field| field.kind().as_message().cloned()).into_iter().collect()
        }
    }
}

/// These messages, and those in them.
fn reached(roots: impl Iterator<Item = MessageDescriptor>) -> BTreeMap<String, MessageDescriptor> {
    let (mut open, mut found): (Vec<_>, BTreeMap<_, _>) = (roots.collect(), BTreeMap::new());
    while let Some(message) = open.pop() {
        if is_ours(message.full_name()) && found.insert(message.full_name().to_owned(), message.clone()).is_none() {
            open.extend(message.fields().filter_map(|field| field.kind().as_message().cloned()));
        }
    }
    found
}
