//! Refuses what protobuf allows and this compiler has no code for.

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, ServiceDescriptor, Syntax};

use super::error::Problem;
use super::options::{Options, only};
use super::source::Placed as _;
use super::{is_ours, messages};

/// Looks at every file of the contract.
pub fn check(pool: &DescriptorPool, options: &Options) -> Vec<Problem> {
    let mut problems = syntax(pool);
    problems.extend(pool.services().flat_map(|service| self::service(&service, options)));
    for message in messages(pool) {
        problems.extend(self::message(&message, options));
        problems.extend(message.fields().filter_map(|f| field(&f, options).err()));
    }
    for kind in pool.all_enums().filter(|e| is_ours(e.full_name())) {
        problems.extend(only(&kind, &kind.options(), &[]).err());
    }
    problems
}

fn syntax(pool: &DescriptorPool) -> Vec<Problem> {
    let files = pool.files().filter(|file| is_ours(file.package_name()) && file.syntax() != Syntax::Proto3);
    let what = "the syntax is not understood; begin with syntax = \"proto3\"";
    files.map(|file| Problem { file: file.name().to_owned(), line: 1, what: what.to_owned() }).collect()
}

fn service(service: &ServiceDescriptor, options: &Options) -> Vec<Problem> {
    if !is_ours(service.full_name()) {
        return service.problem("a service outside of the packages zitadel.* would not be served").into();
    }
    let mut problems: Vec<_> = only(service, &service.options(), &[&options.service]).err().into_iter().collect();
    for method in service.methods() {
        let known = [&options.http, &options.http_success, &options.auth];
        problems.extend(only(&method, &method.options(), &known).err());
        if method.is_client_streaming() || method.is_server_streaming() {
            problems.push(method.problem("streams are not understood: one message in, one message out"));
        }
        if !is_ours(method.input().full_name()) || !is_ours(method.output().full_name()) {
            problems.push(method.problem("request and answer must be messages of the packages zitadel.*"));
        }
    }
    problems
}

fn message(message: &MessageDescriptor, options: &Options) -> Vec<Problem> {
    let own = only(message, &message.options(), &[&options.message_rules]).err();
    let oneofs = message.oneofs().filter_map(|o| only(&o, &o.options(), &[&options.oneof_rules]).err());
    own.into_iter().chain(oneofs).collect()
}

fn field(field: &FieldDescriptor, options: &Options) -> Result<(), Problem> {
    only(field, &field.options(), &[&options.rules])?;
    if field.is_map() {
        return Err(field.problem("maps are not understood; use a list of messages"));
    }
    let Kind::Message(inner) = field.kind() else { return Ok(()) };
    if field.field_descriptor_proto().proto3_optional() {
        return Err(field.problem("a message may be absent without being optional; leave the word out"));
    }
    if !is_ours(inner.full_name()) && inner.package_name() != "google.protobuf" {
        return Err(field.problem(format!("messages such as {} are not understood", inner.full_name())));
    }
    Ok(())
}
