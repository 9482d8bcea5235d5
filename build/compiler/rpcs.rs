//! Writes `rpcs.rs`: one `Rpc` constant per method and the `Call` implementation of its request.

use std::collections::BTreeSet;

use super::access::{Permission, creates};
use super::contract::{Contract, Rpc};
use super::names::{constant, rust_field, rust_path};
use super::rest::{Body, Rest};

/// The whole of `rpcs.rs`.
pub fn write(contract: &Contract) -> String {
    let mut parts: Vec<String> = contract.rpcs.iter().map(one).collect();
    let names: Vec<String> = contract.rpcs.iter().map(|rpc| format!("&{}", constant(rpc.method.full_name()))).collect();
    let services = sorted(contract.rpcs.iter().map(|rpc| rpc.method.parent_service().full_name()));
    let paths = contract.rpcs.iter().filter_map(|rpc| rpc.rest.as_ref()).map(|rest| rest.path.as_str());
    let roots = sorted(paths.filter_map(|path| path.split('/').nth(1)));
    parts.push(format!(
        "/// Every RPC of the contract, in the order of the .proto files.\n\
         pub static ALL: &[&Rpc] = &[{}];\n\
         /// Full names of the services.\n\
         pub static SERVICES: &[&str] = &{services:?};\n\
         /// First segments of the paths of all REST routes.\n\
         pub static REST_ROOTS: &[&str] = &{roots:?};\n",
        names.join(", "),
    ));
    parts.concat()
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

fn one(rpc: &Rpc) -> String {
    let (method, full) = (&rpc.method, full(rpc));
    let name = constant(method.full_name());
    format!(
        "/// `{full}`: {}.\n\
         pub static {name}: Rpc = Rpc {{\n    \
             service: {:?}, name: {:?}, full: {full:?},\n    \
             rest: {},\n    \
             permission: {}, creates: {}, request: &crate::proto::shapes::{},\n\
         }};\n{}",
        rpc.rest.as_ref().map_or("not over REST".to_owned(), |rest| format!("{} `{}`", rest.verb, rest.path)),
        method.parent_service().full_name(),
        method.name(),
        rpc.rest.as_ref().map_or("None".to_owned(), rest),
        permission(&rpc.access.permission),
        creates(rpc.method.name()),
        constant(method.input().full_name()),
        call(rpc, &name),
    )
}

/// `zitadel.management.v1.ManagementService/AddApp`, as in the path of gRPC.
fn full(rpc: &Rpc) -> String {
    format!("{}/{}", rpc.method.parent_service().full_name(), rpc.method.name())
}

fn rest(rest: &Rest) -> String {
    let body = match &rest.body {
        Body::None => "Body::None".to_owned(),
        Body::Whole => "Body::Whole".to_owned(),
        Body::Field(name) => format!("Body::Field({name:?})"),
    };
    let Rest { verb, path, success, .. } = rest;
    format!("Some(Rest {{ verb: {verb:?}, path: {path:?}, body: {body}, success: {success} }})")
}

fn permission(permission: &Permission) -> String {
    match permission {
        Permission::Public => "Permission::Public".to_owned(),
        Permission::Authenticated => "Permission::Authenticated".to_owned(),
        Permission::Named(name) => format!("Permission::Named({name:?})"),
        Permission::OfOwner(name) => format!("Permission::OfOwner({name:?})"),
    }
}

fn call(rpc: &Rpc, constant: &str) -> String {
    let params = rpc.rest.as_ref().map_or(&[][..], |rest| rest.params.as_slice());
    let arm = |name: &String| format!("        {name:?} => self.{} = value,\n", rust_field(name));
    let arms = params.iter().map(arm).collect::<Vec<_>>().concat();
    let context = rpc.access.context.as_ref();
    format!(
        "impl Call for {} {{\n    \
             const RPC: &'static Rpc = &{constant};\n    \
             #[allow(unused_variables)]\n    \
             fn bind(&mut self, field: &str, value: String) {{ match field {{\n{arms}        _ => {{}}\n    }} }}\n    \
             fn context(&self) -> &str {{ {} }}\n\
         }}\n",
        rust_path(&rpc.method.input()),
        context.map_or("\"\"".to_owned(), |field| format!("&self.{}", rust_field(field.name()))),
    )
}
