"""What Schemathesis is told beyond its settings."""

import json
import os
import re
import zlib

import schemathesis

# Ids of what there is, by the name of the parameter.
REAL = json.loads(os.environ.get("CLAVIGER_IDS", "{}"))
# The caller itself: who locks or removes itself is not answered any more.
SELF = os.environ.get("CLAVIGER_SELF", "nobody")
# How the server speaks of a body that is malformed or breaks a field rule (`src/proto/rule.rs`): the document says
# both. What a service decides, such as that a list names nothing twice, is told in other words or with an id.
SAID_BY_SCHEMA = re.compile(r'"message":\s*"invalid (JSON|[A-Z]\w*[.:])')


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Answers hold nothing that the document does not name: stricter than it tells its readers, who must bear more."""
    sent, open_, schemas = set(), [], raw_schema["components"]["schemas"]
    for path in raw_schema["paths"].values():
        for operation in path.values():
            open_.append(operation["responses"])
    open_.append(raw_schema["components"]["responses"])
    while open_:
        value = open_.pop()
        if isinstance(value, dict):
            name = value.get("$ref", "").removeprefix("#/components/schemas/")
            if name in schemas and name not in sent:
                sent.add(name)
                open_.append(schemas[name])
            open_.extend(value.values())
        elif isinstance(value, list):
            open_.extend(value)
    for name in sent:
        schemas[name]["additionalProperties"] = False


@schemathesis.check
def no_field_rule_refuses_what_the_schema_allows(ctx, response, case):
    """A request that fits its schema may be refused with 400 for what is stored, but by no field rule."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != 400:
        return None
    # Schemas count characters: of texts and of base64, which is up to two bytes more than is allowed.
    if "bytes" in response.text and len(response.request.body or "") > 2048:
        return None
    # That a duration has bounds is said in words.
    if "must be inside range" in response.text:
        return None
    if SAID_BY_SCHEMA.search(response.text):
        raise AssertionError(f"the schema allows what the server refuses: {response.text}")
    return None


def is_removal(operation):
    """Whether it takes something away that others would find."""
    return operation.method.upper() == "DELETE" or re.search(r"(?i)remove|delete|deactivate|/_?lock", operation.path)


def real(name, value, odds):
    """One of the ids of what there is in the place of a generated one, in some cases."""
    ids = REAL.get(name)
    if not ids or not isinstance(value, str):
        return value
    draw = zlib.crc32(value.encode("utf-8", "surrogatepass"))
    return ids[draw // 8 % len(ids)] if draw % 8 < odds else value


def with_real(value, odds):
    """A body in which ids are some of what there is."""
    if isinstance(value, list):
        return [with_real(inner, odds) for inner in value]
    if not isinstance(value, dict):
        return value
    snake = {name: re.sub(r"([A-Z])", lambda upper: "_" + upper[0].lower(), name) for name in value}
    return {name: real(snake[name], with_real(inner, odds), odds) for name, inner in value.items()}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Requests that are to be taken name what there is, and most of them the organization of the caller."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    odds = 1 if is_removal(case.operation) else 6
    for name, value in (case.path_parameters or {}).items():
        kinds = {"/projects/": "project_id", "/orgs/": "org_id"} if name == "id" else {}
        alias = next((id_ for part, id_ in kinds.items() if part in case.operation.path), name)
        case.path_parameters[name] = real(alias, value, odds)
    if isinstance(case.body, (dict, list)):
        case.body = with_real(case.body, odds)
    if case.headers and zlib.crc32(case.headers.get("x-zitadel-orgid", "").encode("utf-8", "surrogatepass")) % 8:
        case.headers.pop("x-zitadel-orgid", None)


@schemathesis.hook
def filter_path_parameters(context, path_parameters):
    return SELF not in str(path_parameters)


@schemathesis.hook
def filter_body(context, body):
    return SELF not in str(body)
