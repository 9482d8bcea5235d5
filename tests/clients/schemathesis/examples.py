"""Every example of the document in a file fits its schema, and the document is what OpenAPI 3.1 says; prints how many."""

import json
import sys

import jsonschema_rs

with open(sys.argv[1], encoding="utf-8") as file:
    document = json.load(file)

count = 0


def check(place, schema, example):
    """The schema is read within the document, whose parts it refers to."""
    global count
    whole = {**schema, "components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    for error in validator.iter_errors(example):
        sys.exit(f"{place}: {error.message}")
    count += 1


def walk(value, place):
    if isinstance(value, dict):
        if "example" in value and "schema" in value:
            check(place, value["schema"], value["example"])
        for name, inner in value.items():
            walk(inner, f"{place}/{name}")
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            walk(inner, f"{place}/{at}")


walk(document, "#")
for name, schema in document["components"]["schemas"].items():
    jsonschema_rs.meta.validate({**schema, "$schema": "https://json-schema.org/draft/2020-12/schema"})
assert document["openapi"].startswith("3.1.")
print(count)
