//! The services of the contract with all that their options say.

use std::collections::{BTreeSet, HashMap};

use prost_reflect::{MethodDescriptor, ServiceDescriptor};

use super::access::{self, Access};
use super::error::Problem;
use super::is_ours;
use super::options::{Options, given, text};
use super::rest::{self, Rest};
use super::source::{Placed as _, Source};

/// All RPCs of the contract, in the order of the files.
pub struct Contract {
    /// One service after the other.
    pub rpcs: Vec<Rpc>,
}

/// One RPC.
pub struct Rpc {
    /// As it was written.
    pub method: MethodDescriptor,
    /// Where it is found over REST, if it is.
    pub rest: Option<Rest>,
    /// Who may call it.
    pub access: Access,
}

/// Reads all services of the packages `zitadel.*`.
///
/// # Errors
/// Something of them is not understood, or two of them want the same.
pub fn read(source: &Source, options: &Options, roles: &str) -> Result<Contract, Vec<Problem>> {
    let permissions = access::permissions(roles);
    let (mut rpcs, mut problems) = (Vec::new(), Vec::new());
    let files = source.files.iter().filter_map(|name| source.pool.get_file_by_name(name));
    for service in files.flat_map(|file| file.services().collect::<Vec<_>>()).filter(|s| is_ours(s.full_name())) {
        match prefix(&service, options) {
            Ok(prefix) => {
                for method in service.methods() {
                    match rpc(method, options, prefix.as_deref(), &permissions) {
                        Ok(rpc) => rpcs.push(rpc),
                        Err(problem) => problems.push(problem),
                    }
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    problems.extend(shared_requests(&rpcs));
    problems.extend(shared_routes(&rpcs, options));
    if problems.is_empty() { Ok(Contract { rpcs }) } else { Err(problems) }
}

fn rpc(
    method: MethodDescriptor,
    options: &Options,
    prefix: Option<&str>,
    permissions: &BTreeSet<&str>,
) -> Result<Rpc, Problem> {
    let rest = rest::read(&method, options, prefix)?;
    let access = access::read(&method, options, permissions)?;
    Ok(Rpc { method, rest, access })
}

/// What stands before the paths of a service, if that is said.
fn prefix(service: &ServiceDescriptor, options: &Options) -> Result<Option<String>, Problem> {
    let Some(option) = given(service, &service.options(), &options.service, &["prefix"])? else { return Ok(None) };
    if !option.has_field_by_name("prefix") {
        return Ok(None);
    }
    let prefix = text(&option, "prefix");
    let fine = |segment: &str| !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if prefix.is_empty() || prefix.strip_prefix('/').is_some_and(|rest| rest.split('/').all(fine)) {
        return Ok(Some(prefix));
    }
    let what = format!("the prefix {prefix:?} is not understood; it is \"\" or as \"/management/v1\"");
    Err(service.problem_in(&options.service, what))
}

/// A request knows its RPC, so it can have only one.
fn shared_requests(rpcs: &[Rpc]) -> Vec<Problem> {
    let mut seen = HashMap::new();
    let mut problems = Vec::new();
    for method in rpcs.iter().map(|rpc| &rpc.method) {
        if let Some(first) = seen.insert(method.input().full_name().to_owned(), method.full_name()) {
            let what = format!("{} is the request of {first} too; give each RPC its own", method.input().full_name());
            problems.push(method.problem(what));
        }
    }
    problems
}

/// Two routes with the same verb that differ at most in the names of their parameters.
fn shared_routes(rpcs: &[Rpc], options: &Options) -> Vec<Problem> {
    let mut seen = HashMap::new();
    let mut problems = Vec::new();
    for rpc in rpcs {
        let Some(rest) = &rpc.rest else { continue };
        if let Some(first) = seen.insert((rest.verb, shape(&rest.path)), rpc.method.full_name()) {
            let what = format!("{} {} is the route of {first} too", rest.verb, rest.path);
            problems.push(rpc.method.problem_in(&options.http, what));
        }
    }
    problems
}

/// A path without the names of its parameters.
fn shape(path: &str) -> String {
    let segment = |segment: &str| match segment.strip_prefix('{') {
        Some(name) if name.starts_with('*') => "{*}".to_owned(),
        Some(_) => "{}".to_owned(),
        None => segment.to_owned(),
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}
