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
    if SAID_BY_SCHEMA.search(response.text):
        raise AssertionError(f"the schema allows what the server refuses: {response.text}")
    return None


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Every other id is one of something that there is."""
    for name, value in (path_parameters or {}).items():
        real = REAL.get("project_id" if name == "id" and "/projects/" in context.operation.path else name)
        if real and isinstance(value, str) and (draw := zlib.crc32(value.encode("utf-8", "surrogatepass"))) % 2:
            path_parameters[name] = real[draw // 2 % len(real)]
    return path_parameters


@schemathesis.hook
def filter_path_parameters(context, path_parameters):
    return SELF not in str(path_parameters)


@schemathesis.hook
def filter_body(context, body):
    return SELF not in str(body)
