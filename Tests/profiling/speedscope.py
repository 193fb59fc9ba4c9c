"""The file format of speedscope as a JSON schema, written down from the types that its documentation gives (the
wiki page "Importing from custom sources" and src/lib/file-format-spec.ts). What is not named there is refused, so
that a field with a typing error does not pass."""

INDEX = {"type": "integer", "minimum": 0}


def record(required, **optional):
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }


ABOUT_PROFILE = {
    "name": {"type": "string"},
    "unit": {"enum": ["none", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes"]},
    "startValue": {"type": "number"},
    "endValue": {"type": "number"},
}
EVENT = record({"type": {"enum": ["O", "C"]}, "at": {"type": "number"}, "frame": INDEX})
SAMPLED = record(
    {
        "type": {"const": "sampled"},
        **ABOUT_PROFILE,
        "samples": {"type": "array", "items": {"type": "array", "items": INDEX}},
        "weights": {"type": "array", "items": {"type": "number"}},
    }
)
EVENTED = record({"type": {"const": "evented"}, **ABOUT_PROFILE, "events": {"type": "array", "items": EVENT}})
FRAME = record(
    {"name": {"type": "string"}}, file={"type": "string"}, line={"type": "integer"}, col={"type": "integer"}
)
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **record(
        {
            "$schema": {"const": "https://www.speedscope.app/file-format-schema.json"},
            "shared": record({"frames": {"type": "array", "items": FRAME}}),
            "profiles": {"type": "array", "items": {"oneOf": [SAMPLED, EVENTED]}},
        },
        name={"type": "string"},
        activeProfileIndex=INDEX,
        exporter={"type": "string"},
    ),
}
