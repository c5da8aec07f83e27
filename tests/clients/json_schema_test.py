#!/usr/bin/env python3
"""json_schema_test - what the grammar of a schema writes, validated by the Python package jsonschema: random texts of
fixed and of random schemas. A schema is either held to or refused by name; never is a text wrong. Reads HEARTH_BINARY."""
import json
import os
import random
import subprocess
import unittest

import jsonschema

BINARY = os.environ["HEARTH_BINARY"]


def samples(schema, n=25, seed=1, length=160):
    """The texts, or the complaint of a schema that was refused."""
    done = subprocess.run([BINARY, "debug", "grammar", "--json-schema", json.dumps(schema), "--sample", str(n), "--seed",
                           str(seed), "--length", str(length), "-o", "json"], capture_output=True, timeout=60)
    if done.returncode != 0:
        return done.stderr.decode()
    return [entry["text"] for entry in json.loads(done.stdout)]


def check(test, schema, seed=1):
    """False if the schema was refused."""
    texts = samples(schema, seed=seed)
    if isinstance(texts, str):
        test.assertRegex(texts, "cannot be enforced|: .* (at|of|is|allows|must|has|expected|no )", schema)
        return False
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    for text in texts:
        errors = [error.message for error in validator.iter_errors(json.loads(text))]
        test.assertEqual(errors, [], f"{json.dumps(schema)}\n{text}")
    return True


WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 1, "maxLength": 30},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "days": {"type": "array", "minItems": 1, "maxItems": 4, "items": {"$ref": "#/$defs/day"}},
        "note": {"type": ["string", "null"]},
    },
    "required": ["city", "unit", "days"],
    "additionalProperties": False,
    "$defs": {"day": {"type": "object", "properties": {
        "date": {"type": "string", "format": "date"}, "high": {"type": "number", "minimum": -90, "maximum": 60.5},
        "rain": {"type": "boolean"}}, "required": ["date", "high", "rain"], "additionalProperties": False}},
}
TREE = {"$ref": "#/$defs/node", "$defs": {"node": {
    "type": "object", "properties": {"value": {"type": "integer"}, "children": {
        "type": "array", "items": {"$ref": "#/$defs/node"}, "maxItems": 2}},
    "required": ["value", "children"]}}}
SHAPES = {"oneOf": [
    {"type": "object", "properties": {"kind": {"const": "circle"}, "radius": {"type": "number", "exclusiveMinimum": 0}},
     "required": ["kind", "radius"]},
    {"type": "object", "properties": {"kind": {"const": "square"}, "side": {"type": "integer", "minimum": 1}},
     "required": ["kind", "side"]},
    {"type": "null"}]}
LOOSE = {"type": "object", "properties": {"a": {"type": "integer"}, "ab": {}, "é": {"type": "null"}},
         "additionalProperties": {"type": "array", "items": {"type": "string"}}}
PATTERNS = {"type": "array", "prefixItems": [
    {"type": "string", "pattern": r"^[A-Z]{2}\d{3,5}(-x)?$"}, {"type": "string", "pattern": "a+b"},
    {"type": "string", "pattern": r"^\S+ \w*\.$|^$"}], "items": False}
FORMATS = {"type": "array", "items": {"anyOf": [
    {"type": "string", "format": name} for name in ("date", "time", "date-time", "email", "ipv4", "ipv6", "uuid")]}}
BASES = {"allOf": [{"$ref": "#/$defs/named"}, {"properties": {"size": {"type": "integer", "maximum": 9}}, "required": ["size"]}],
         "$defs": {"named": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}}}


def random_schema(rng, depth=0):
    kinds = ["string", "integer", "number", "boolean", "null", "enum", "const", "any", "ref"]
    if depth < 3:
        kinds += ["object", "object", "array", "array", "anyOf", "allOf", "types"]
    kind = rng.choice(kinds)
    maybe = lambda probability=0.5: rng.random() < probability
    if kind == "string":
        schema = {"type": "string"}
        if maybe(0.3):
            schema["minLength"] = rng.randint(0, 4)
        if maybe(0.3):
            schema["maxLength"] = rng.randint(4, 9)
        if maybe(0.2):
            schema["pattern"] = rng.choice(["^[a-z]+$", "x", r"^\d{2}(:\d{2})*$", "^(ab|c)?d*$", r"[^\w]$"])
        return schema
    if kind in ("integer", "number"):
        schema = {"type": kind}
        low = rng.choice([-1000, -12.5, -1, 0, 0.001, 3, 17, 2.5e2])
        if maybe():
            schema[rng.choice(["minimum", "exclusiveMinimum"])] = low
        if maybe():
            schema[rng.choice(["maximum", "exclusiveMaximum"])] = low + rng.choice([0, 0.5, 1, 7, 99.75, 12345])
        return schema
    if kind == "enum":
        return {"enum": rng.sample(["a", "b\"\\", 1, -2.5, True, None, [1, {"x": "y"}], {}, "é🙂\n"], rng.randint(1, 4))}
    if kind == "const":
        return {"const": rng.choice(["only", 7, {"k": [None]}, "\u0001"])}
    if kind == "object":
        names = rng.sample(["a", "b", "ab", "name", "x y", "é", "q\"q", ""], rng.randint(0, 4))
        schema = {"type": "object", "properties": {name: random_schema(rng, depth + 1) for name in names}}
        schema["required"] = [name for name in names if maybe(0.4)]
        if maybe(0.6):
            schema["additionalProperties"] = rng.choice([False, True, {"type": "integer"}])
        return schema
    if kind == "array":
        schema = {"type": "array", "items": random_schema(rng, depth + 1)}
        if maybe(0.3):
            schema["prefixItems"] = [random_schema(rng, depth + 1) for _ in range(rng.randint(1, 2))]
        if maybe(0.4):
            schema["minItems"] = rng.randint(0, 2)
        if maybe(0.4):
            schema["maxItems"] = rng.randint(2, 4)
        if maybe(0.1):
            schema["uniqueItems"] = True
        return schema
    if kind in ("anyOf", "allOf"):
        return {kind: [random_schema(rng, depth + 1) for _ in range(rng.randint(1, 3))]}
    if kind == "types":
        return {"type": rng.sample(["object", "array", "string", "number", "integer", "boolean", "null"], 2)}
    if kind == "ref":
        return {"$ref": "#/$defs/shared"}
    return {} if kind == "any" else {"type": kind}


class Schemas(unittest.TestCase):
    def test_fixed_schemas_are_held_to(self):
        for schema in (WEATHER, TREE, SHAPES, LOOSE, PATTERNS, FORMATS, BASES, {}, True):
            for seed in range(4):
                self.assertTrue(check(self, schema, seed), schema)

    def test_random_schemas_are_held_to_or_refused(self):
        rng = random.Random(2026)
        held = 0
        for number in range(400):
            schema = random_schema(rng)
            if isinstance(schema, dict):
                schema["$defs"] = {"shared": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}}
            held += check(self, schema, number)
        self.assertGreater(held, 250, "most random schemas can be held to")


if __name__ == "__main__":
    unittest.main()
