//! Where an RPC is found over REST: `(google.api.http)` and `(zitadel.v1.http_success)`.

use prost_reflect::{FieldDescriptor, Kind, MethodDescriptor};

use super::error::Problem;
use super::is_ours;
use super::options::{Options, given, text};
use super::source::Placed as _;

/// The verbs, as the option and as HTTP writes them.
const VERBS: [(&str, &str); 5] =
    [("get", "GET"), ("put", "PUT"), ("post", "POST"), ("delete", "DELETE"), ("patch", "PATCH")];

/// What of a request comes as JSON body.
pub enum Body {
    /// Nothing.
    None,
    /// All that is not in the path.
    Whole,
    /// The field of that name.
    Field(String),
}

/// The REST route of an RPC.
pub struct Rest {
    /// As HTTP writes it.
    pub verb: &'static str,
    /// With its prefix, as the matcher writes it: `{name}` for a segment, `{*name}` for the rest.
    pub path: String,
    /// Names of the fields that are in the path.
    pub params: Vec<String>,
    /// What the body is.
    pub body: Body,
    /// Status of success.
    pub success: u32,
}

/// Reads the route of an RPC of a service with that prefix, if it has one.
///
/// # Errors
/// Something of it is not understood.
pub fn read(method: &MethodDescriptor, options: &Options, prefix: Option<&str>) -> Result<Option<Rest>, Problem> {
    let known: Vec<&str> = VERBS.iter().map(|(field, _)| *field).chain(["body"]).collect();
    let Some(rule) = given(method, &method.options(), &options.http, &known)? else {
        if method.options().has_extension(&options.http_success) {
            return Err(method.problem_in(&options.http_success, "http_success says nothing without a REST route"));
        }
        return Ok(None);
    };
    let wrong = |what: String| method.problem_in(&options.http, what);
    let verb = VERBS.into_iter().find(|(field, _)| rule.has_field_by_name(field));
    let (field, verb) = verb.ok_or_else(|| wrong("the route has no verb: get, put, post, delete or patch".into()))?;
    let prefix = prefix.ok_or_else(|| {
        let service = method.parent_service();
        let what = "has REST routes: say what stands before their paths: option (zitadel.v1.service) = {prefix: ...}";
        service.problem(format!("{} {what}; \"\" for nothing", service.name()))
    })?;
    let (path, params) = path(method, &text(&rule, field)).map_err(wrong)?;
    let path = format!("{prefix}{path}");
    if path.split('/').nth(1).is_none_or(|root| root.contains(['{', '.'])) {
        return Err(wrong("the first segment of a path must be plain text without a dot, to be told from RPCs".into()));
    }
    let body = body(method, verb, &text(&rule, "body"), &params).map_err(wrong)?;
    Ok(Some(Rest { verb, path, params, body, success: success(method, options)? }))
}

/// The path and the fields in it.
fn path(method: &MethodDescriptor, text: &str) -> Result<(String, Vec<String>), String> {
    let rest = text.strip_prefix('/').ok_or_else(|| format!("the path {text:?} does not begin with /"))?;
    let (mut path, mut params) = (String::new(), Vec::new());
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        path.push('/');
        let Some(inner) = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) else {
            path.push_str(plain(segment)?);
            continue;
        };
        // `{name=**}` takes the rest of the path; the matcher writes it `{*name}`.
        let (before, name, rest) = inner.strip_suffix("=**").map_or(("{", inner, false), |name| ("{*", name, true));
        if rest && segments.peek().is_some() {
            return Err(format!("{segment} takes the rest of the path; nothing can follow it"));
        }
        param(method, name)?;
        if params.iter().any(|other| other == name) {
            return Err(format!("the field {name} is twice in the path"));
        }
        path.extend([before, name, "}"]);
        params.push(name.to_owned());
    }
    Ok((path, params))
}

fn plain(segment: &str) -> Result<&str, String> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    if segment.is_empty() || !segment.bytes().all(fine) {
        return Err(format!("the segment {segment:?} of the path is not understood"));
    }
    Ok(segment)
}

fn param(method: &MethodDescriptor, name: &str) -> Result<(), String> {
    let field = method.input().get_field_by_name(name);
    if field.is_some_and(|field| is_plain_text(&field)) {
        return Ok(());
    }
    Err(format!("{} has no text field {name:?} for the parameter of the path", method.input().name()))
}

/// Whether a field holds exactly one text.
pub fn is_plain_text(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::String) && !field.is_list() && field.containing_oneof().is_none()
}

fn body(method: &MethodDescriptor, verb: &str, name: &str, params: &[String]) -> Result<Body, String> {
    let input = method.input();
    match name {
        "" => Ok(Body::None),
        _ if verb == "GET" => Err("a GET has no body".to_owned()),
        "*" => Ok(Body::Whole),
        name => {
            let field = input.get_field_by_name(name).filter(|field| !field.is_list());
            let field = field.filter(|f| f.kind().as_message().is_some_and(|m| is_ours(m.full_name())));
            match field {
                Some(_) if !params.iter().any(|param| param == name) => Ok(Body::Field(name.to_owned())),
                _ => Err(format!("body: {} has no field {name:?} that is one message", input.name())),
            }
        }
    }
}

/// The status of success: those that come with an answer.
fn success(method: &MethodDescriptor, options: &Options) -> Result<u32, Problem> {
    let (given, option) = (method.options(), &options.http_success);
    if !given.has_extension(option) {
        return Ok(200);
    }
    match given.get_extension(option).as_u32() {
        Some(status @ 200..=202) => Ok(status),
        _ => Err(method.problem_in(option, "http_success is not understood; it may be 200, 201 or 202")),
    }
}
