"""The rooms of a scenario: who is in which, by their shapes."""

from __future__ import annotations

import json

from loadgen.dialects.script import DialectScript
from loadgen.errors import InputError
from loadgen.plan.room_sizes import dealt, lognormal_sizes, uniform_sizes, zipf_sizes
from loadgen.plan.rooms import MOST_LAYERS, Layer, Rooms, RoomShape
from scenarios.layers import Layers, Origin
from scenarios.schema import Rooms as RoomsSection
from scenarios.schema import Scenario


def settle_rooms(scenario: Scenario, layers: Layers, dialect: DialectScript) -> Rooms:
    """The rooms of the users, in each of their layers; InputError where shape, users or dialect forbid it."""
    users = scenario.users
    sections = [
        ("users.rooms", users.rooms),
        *((f"users.more_rooms[{i}]", more) for i, more in enumerate(users.more_rooms)),
    ]
    if len(sections) > MOST_LAYERS:
        raise InputError(
            f"{layers.label('users.more_rooms')}: expected at most {MOST_LAYERS - 1} tables, got {len(sections) - 1}"
        )
    settled = []
    for number, (key, rooms) in enumerate(sections):
        _check_rooms(rooms, key, users.count, layers)
        settled.append(_layer_of(rooms, users.count, scenario.run.seed, number))
        if not dialect.has_rooms and (number or settled[0].count > 1):
            at, expected, found = (
                (key, "none", json.dumps(rooms.shape)) if number else (f"{key}.count", 1, settled[0].count)
            )
            raise InputError(
                f'{layers.label(at)}: expected {expected}, since the dialect "{dialect.name}" has no join and all '
                f"users share one room, got {found}"
            )
    if len(settled) > 1 and dialect.join is None:
        raise InputError(
            f'{layers.label("users.more_rooms")}: expected none, since the dialect "{dialect.name}" has a connection '
            f"for one room, got {len(settled) - 1}"
        )
    if not any(layer.weight for layer in settled):
        raise InputError(f"{layers.label('users.rooms.weight')}: expected a weight > 0 somewhere, got none")
    return Rooms(tuple(settled))


def _check_rooms(rooms: RoomsSection, key: str, user_count: int, layers: Layers) -> None:
    label = layers.label(f"{key}.count")
    if rooms.shape in (RoomShape.SINGLE, RoomShape.LOGNORMAL, RoomShape.OWN) and rooms.count != 1:
        expected = "1" if rooms.shape is RoomShape.SINGLE else "no count"
        raise InputError(f'{label}: expected {expected} where {key}.shape is "{rooms.shape}", got {rooms.count}')
    of_shape = {"exponent": RoomShape.ZIPF, **dict.fromkeys(("median", "sigma", "giant"), RoomShape.LOGNORMAL)}
    # A number of rooms by flag makes them equal, whatever stands in the file.
    made_equal = layers.origin_of(f"{key}.shape") in (Origin.ENV, Origin.FLAG)
    for name, shape in of_shape.items():
        if getattr(rooms, name) is not None and rooms.shape is not shape and not made_equal:
            raise InputError(
                f'{layers.label(f"{key}.{name}")}: expected none where {key}.shape is "{rooms.shape}" '
                f"(it is of {shape}), got {getattr(rooms, name):g}"
            )
    if rooms.count > user_count:
        raise InputError(f"{label}: expected at most a room a user ({user_count}), got {rooms.count}")


def _layer_of(rooms: RoomsSection, user_count: int, seed: int, number: int) -> Layer:
    """Who is in which room; what the shape leaves open has the defaults of the schema."""
    match rooms.shape:
        case RoomShape.OWN:
            return Layer.own(rooms.weight)
        case RoomShape.ZIPF:
            sizes = zipf_sizes(user_count, rooms.count, 1.0 if rooms.exponent is None else rooms.exponent)
        case RoomShape.LOGNORMAL:
            median = 8.0 if rooms.median is None else rooms.median
            sigma = 1.0 if rooms.sigma is None else rooms.sigma
            sizes = lognormal_sizes(user_count, median, sigma, rooms.giant or 0.0, seed, number)
        case _ if number and rooms.count > 1:  # dealt like the first, the same users would meet again
            sizes = uniform_sizes(user_count, rooms.count)
        case _:
            return Layer(rooms.count, weight=rooms.weight)
    return Layer(len(sizes), dealt(sizes, seed, number), rooms.weight)
