"""As much of JSON Schema as the schema of streams uses; a keyword that is not known here is an error."""

from __future__ import annotations

import re
from typing import Any

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}
_ANNOTATIONS = {"$schema", "title", "description"}


def faults(value: Any, schema: dict[str, Any], where: str = "$") -> list[str]:
    """Every way in which the value is not what the schema asks for."""
    found: list[str] = []
    for keyword, wanted in schema.items():
        if keyword in _ANNOTATIONS:
            continue
        found += [f"{where}: {fault}" for fault in _CHECKS[keyword](value, wanted, schema)]
    return found


def _type(value: Any, wanted: Any, _schema: Any) -> list[str]:
    names = wanted if isinstance(wanted, list) else [wanted]
    fits = any(isinstance(value, _TYPES[name]) and not isinstance(value, bool) for name in names)
    return [] if fits else [f"not {wanted}"]


def _properties(value: Any, wanted: Any, _schema: Any) -> list[str]:
    if not isinstance(value, dict):
        return []
    return [
        fault for name, one in wanted.items() if name in value for fault in faults(value[name], one, name)
    ]


def _additional(value: Any, wanted: Any, schema: Any) -> list[str]:
    names = set(value) - set(schema.get("properties", {})) if isinstance(value, dict) else set()
    return [fault for name in names for fault in faults(value[name], wanted, name)]


def _items(value: Any, wanted: Any, _schema: Any) -> list[str]:
    return (
        [fault for one in value for fault in faults(one, wanted, "item")] if isinstance(value, list) else []
    )


def _names(value: Any, wanted: Any, _schema: Any) -> list[str]:
    return (
        [fault for name in value for fault in faults(name, wanted, "name")] if isinstance(value, dict) else []
    )


def _one_of(value: Any, wanted: Any, _schema: Any) -> list[str]:
    fitting = [one for one in wanted if not faults(value, one)]
    return [] if len(fitting) == 1 else [f"fits {len(fitting)} of the kinds"]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_CHECKS = {
    "type": _type,
    "const": lambda value, wanted, _: (
        [] if value == wanted and type(value) is type(wanted) else [f"not {wanted}"]
    ),
    "enum": lambda value, wanted, _: [] if value in wanted else [f"none of {wanted}"],
    "minimum": lambda value, wanted, _: ["too small"] if _is_number(value) and value < wanted else [],
    "maximum": lambda value, wanted, _: ["too large"] if _is_number(value) and value > wanted else [],
    "pattern": lambda value, wanted, _: (
        ["no match"] if isinstance(value, str) and not re.search(wanted, value) else []
    ),
    "items": _items,
    "required": lambda value, wanted, _: [f"no {name}" for name in wanted if name not in value],
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "oneOf": _one_of,
}
