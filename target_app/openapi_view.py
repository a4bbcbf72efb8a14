"""An OpenAPI document as a page shows it: endpoints by tag, schemas as tables of fields. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a table; `name` is a way down: `detail[].loc`."""

    name: str
    kind: str
    text: str
    # Path and query for parameters; None in a body.
    place: str | None = None
    required: bool = True


@dataclass(frozen=True, slots=True)
class Body:
    """What goes in or comes out: as which types, and with which fields, where that is known."""

    types: tuple[str, ...]
    text: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status that is no success, and when it comes."""

    status: str
    text: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path."""

    method: str
    path: str
    summary: str
    text: str
    needs_login: bool
    parameters: tuple[Field, ...]
    body: Body | None
    answers: tuple[tuple[str, Body], ...]
    refusals: tuple[Refusal, ...]

    @property
    def anchor(self) -> str:
        """What links point to."""
        return f"{self.method}{self.path}".replace("/", "-").replace("{", "").replace("}", "").rstrip("-")


@dataclass(frozen=True, slots=True)
class Section:
    """The endpoints with one tag."""

    name: str
    text: str
    endpoints: tuple[Endpoint, ...]


def sections(document: Json) -> list[Section]:
    """Return every endpoint of a document under its first tag, in the order of the document's own list of tags."""
    texts: dict[str, str] = {tag["name"]: tag.get("description", "") for tag in document.get("tags", ())}
    found: dict[str, list[Endpoint]] = {name: [] for name in texts}
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = methods[method]
                tag = next(iter(operation.get("tags", ())), "other")
                found.setdefault(tag, []).append(_endpoint(method, path, operation, document))
    return [Section(name, texts.get(name, ""), tuple(endpoints)) for name, endpoints in found.items() if endpoints]


def _endpoint(method: str, path: str, operation: Json, document: Json) -> Endpoint:
    responses: Json = operation["responses"]
    request = operation.get("requestBody")
    return Endpoint(
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        text=operation.get("description", ""),
        needs_login=bool(operation.get("security")),
        parameters=tuple(
            Field(
                name=parameter["name"],
                kind=_kind(parameter["schema"], document),
                text=parameter.get("description", ""),
                place=parameter["in"],
                required=parameter.get("required", False),
            )
            for parameter in operation.get("parameters", ())
        ),
        body=None if request is None else _body(request, document),
        answers=tuple((status, _body(each, document)) for status, each in responses.items() if _is_success(status)),
        refusals=tuple(
            Refusal(status, each["description"])
            for status, each in sorted(responses.items())
            if not _is_success(status)
        ),
    )


def _is_success(status: str) -> bool:
    return status.startswith(("1", "2", "3"))


def _body(described: Json, document: Json) -> Body:
    content: Json = described.get("content", {})
    schema: Json = next((each["schema"] for each in content.values() if "schema" in each), {})
    return Body(tuple(content), described.get("description", ""), tuple(_fields(schema, document, "", ())))


def _fields(schema: Json, document: Json, way: str, above: tuple[str, ...]) -> Iterator[Field]:
    name = schema.get("$ref", "")
    # A schema that holds itself is shown once.
    if name in above:
        return
    target = _resolved(schema, document)
    above = (*above, name) if name else above
    if "items" in target:
        yield from _fields(target["items"], document, f"{way}[]", above)
    for key, inner in target.get("properties", {}).items():
        inside = f"{way}.{key}" if way else key
        yield Field(
            name=inside,
            kind=_kind(inner, document),
            text=inner.get("description", ""),
            required=key in target.get("required", ()),
        )
        for each in inner.get("anyOf", (inner,)):
            yield from _fields(each, document, inside, above)


def _kind(schema: Json, document: Json) -> str:
    """Say in words what a value has to be."""
    target = _resolved(schema, document)
    if "const" in target or "enum" in target:
        return " or ".join(f'"{value}"' for value in target.get("enum", [target.get("const")]))
    if "anyOf" in target:
        return " or ".join(_kind(each, document) for each in target["anyOf"])
    match target.get("type"):
        case "array":
            return f"list of {_kind(target.get('items', {}), document)}"
        case "object" if isinstance(target.get("additionalProperties"), dict):
            return f"object of {_kind(target['additionalProperties'], document)}"
        case None:
            return "anything"
        case kind:
            return f"{kind}{_bounds(target)}"


def _bounds(target: Json) -> str:
    low = target.get("minLength", target.get("minimum"))
    high = target.get("maxLength", target.get("maximum"))
    unit = " characters" if target["type"] == "string" else ""
    match low, high:
        case None, None:
            return ""
        case _, None:
            return f", {low}{unit} or more"
        case None, _:
            return f", {high}{unit} at most"
        case _:
            return f", {low} to {high}{unit}"


def _resolved(schema: Json, document: Json) -> Json:
    if "$ref" not in schema:
        return schema
    target: Json = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return target
