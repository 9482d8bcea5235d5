//! Writes `rpcs.rs`: one `Rpc` constant per method and the `Call` implementation of its request.

use std::error::Error;
use std::fmt::Write as _;

use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MethodDescriptor, Value};

use crate::{SERVICES, camel, rust_path};

/// The whole of `rpcs.rs`.
pub fn generate(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let mut out = String::new();
    let mut names = Vec::new();
    for (service, prefix) in SERVICES {
        let service = pool.get_service_by_name(service).ok_or_else(|| format!("no service {service}"))?;
        for method in service.methods() {
            let name = screaming(method.name());
            one(pool, &mut out, prefix, &name, &method)?;
            names.push(name);
        }
    }
    writeln!(out, "/// Every RPC of the contract, in the order of the .proto files.")?;
    writeln!(
        out,
        "pub static ALL: &[&Rpc] = &[{}];",
        names.iter().map(|n| format!("&{n}")).collect::<Vec<_>>().join(", ")
    )?;
    Ok(out)
}

fn one(
    pool: &DescriptorPool,
    out: &mut String,
    prefix: &str,
    name: &str,
    method: &MethodDescriptor,
) -> Result<(), Box<dyn Error>> {
    let (verb, path, body) = http(pool, method)?;
    let (permission, field) = auth(pool, method)?;
    let full = method.full_name();
    writeln!(out, "/// `{full}`: {verb} `{prefix}{path}`.")?;
    writeln!(out, "pub static {name}: Rpc = Rpc {{")?;
    writeln!(out, "    service: {:?}, name: {:?},", method.parent_service().full_name(), method.name())?;
    writeln!(out, "    verb: {verb:?}, path: {:?}, body: {body},", format!("{prefix}{path}"))?;
    writeln!(
        out,
        "    permission: {permission}, request: &crate::proto::shapes::{},",
        screaming_type(&method.input())
    )?;
    writeln!(out, "}};")?;
    call(out, name, method, field.as_deref())
}

fn call(out: &mut String, name: &str, method: &MethodDescriptor, context: Option<&str>) -> Result<(), Box<dyn Error>> {
    let input = method.input();
    writeln!(out, "impl Call for {} {{", rust_path(&input))?;
    writeln!(out, "    const RPC: &'static Rpc = &{name};")?;
    writeln!(out, "    #[allow(unused_variables)]")?;
    writeln!(out, "    fn bind(&mut self, field: &str, value: String) {{ match field {{")?;
    for field in
        input.fields().filter(|f| matches!(f.kind(), Kind::String) && !f.is_list() && f.containing_oneof().is_none())
    {
        writeln!(out, "        {:?} => self.{} = value,", field.name(), rust_field(field.name()))?;
    }
    writeln!(out, "        _ => {{}}\n    }} }}")?;
    let id = match context {
        None => "\"\"".to_owned(),
        Some(camel_name) => {
            let field = input
                .fields()
                .find(|f| camel(f.name()) == camel_name)
                .ok_or_else(|| format!("{}: no field {camel_name}", method.full_name()))?;
            format!("&self.{}", field.name())
        }
    };
    writeln!(out, "    fn context(&self) -> &str {{ {id} }}\n}}")?;
    Ok(())
}

fn http(pool: &DescriptorPool, method: &MethodDescriptor) -> Result<(&'static str, String, bool), Box<dyn Error>> {
    let rule = option(pool, method, "google.api.http")?
        .ok_or_else(|| format!("{} has no google.api.http option", method.full_name()))?;
    for (field, verb) in [("get", "GET"), ("put", "PUT"), ("post", "POST"), ("delete", "DELETE"), ("patch", "PATCH")] {
        let path = text(&rule, field);
        if !path.is_empty() {
            // `{name=**}` takes the rest of the path; the matcher writes it `{*name}`.
            let path = path.split('/').map(rest_of_path).collect::<Vec<_>>().join("/");
            return Ok((verb, path, text(&rule, "body") == "*"));
        }
    }
    Err(format!("{} has no HTTP verb", method.full_name()).into())
}

fn rest_of_path(segment: &str) -> String {
    match segment.strip_suffix("=**}") {
        Some(name) => format!("{{*{}}}", name.trim_start_matches('{')),
        None => segment.to_owned(),
    }
}

fn auth(pool: &DescriptorPool, method: &MethodDescriptor) -> Result<(String, Option<String>), Box<dyn Error>> {
    let Some(option) = option(pool, method, "zitadel.v1.auth_option")? else {
        return Ok(("Permission::Public".to_owned(), None));
    };
    let permission = match text(&option, "permission").as_str() {
        "authenticated" => "Permission::Authenticated".to_owned(),
        name => format!("Permission::Named({name:?})"),
    };
    Ok((permission, Some(text(&option, "check_field_name")).filter(|f| !f.is_empty())))
}

fn option(
    pool: &DescriptorPool,
    method: &MethodDescriptor,
    name: &str,
) -> Result<Option<DynamicMessage>, Box<dyn Error>> {
    let extension = pool.get_extension_by_name(name).ok_or_else(|| format!("no option {name}"))?;
    let options = method.options();
    if !options.has_extension(&extension) {
        return Ok(None);
    }
    match options.get_extension(&extension).as_ref() {
        Value::Message(message) => Ok(Some(message.clone())),
        _ => Err(format!("{name} is not a message").into()),
    }
}

fn text(message: &DynamicMessage, field: &str) -> String {
    message.get_field_by_name(field).and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// `AddAPIApp` as a constant: `ADD_API_APP`.
fn screaming(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, c) in chars.iter().enumerate() {
        let after_lower = i > 0 && chars[i - 1].is_lowercase();
        let before_lower = i > 0 && chars.get(i + 1).is_some_and(|n| n.is_lowercase());
        if c.is_uppercase() && (after_lower || before_lower) {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

/// Name of the static that holds the JSON shape of a message.
pub fn screaming_type(message: &prost_reflect::MessageDescriptor) -> String {
    message.full_name().split('.').map(screaming).collect::<Vec<_>>().join("_")
}

/// Field name as Rust source; keywords are written raw by buffa.
pub fn rust_field(name: &str) -> String {
    if matches!(name, "type" | "match" | "ref" | "self" | "use") { format!("r#{name}") } else { name.to_owned() }
}
