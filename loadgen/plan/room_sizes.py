"""How large rooms are, and who is in which: shapes that real chats have. Functions of their arguments and the seed."""

from __future__ import annotations

from array import array

import numpy as np
import numpy.typing as npt

from loadgen.plan.pacing import Stream, block_rng

Int64s = npt.NDArray[np.int64]

# Drawn together; 10,000 rooms take 0.4 ms.
_BLOCK_SIZE = 10_000


def uniform_sizes(user_count: int, room_count: int) -> Int64s:
    """Sizes of ``room_count`` rooms that add up to ``user_count``, and differ by one at most."""
    rooms = np.arange(room_count, dtype=np.int64)
    return (user_count + room_count - 1 - rooms) // room_count


def zipf_sizes(user_count: int, room_count: int, exponent: float) -> Int64s:
    """Sizes of ``room_count`` rooms, largest first, that add up to ``user_count`` (>= ``room_count``).

    Each room has one member, and of the others room k gets a share in proportion to 1 / k ** ``exponent`` (Zipf);
    whole ones by the largest remainder.
    """
    weights = np.arange(1, room_count + 1, dtype=np.float64) ** -exponent
    shares = (user_count - room_count) * weights / weights.sum()
    whole = np.floor(shares).astype(np.int64)
    left = user_count - room_count - int(whole.sum())
    whole[np.argsort(whole - shares, kind="stable")[:left]] += 1
    sizes: Int64s = whole + 1
    return sizes


def lognormal_sizes(user_count: int, median: float, sigma: float, giant: float, seed: int, layer: int = 0) -> Int64s:
    """Sizes of as many rooms as take ``user_count`` users, the giant first where there is one.

    The share ``giant`` (0 to 1) of the users is in one room. The others' sizes are log-normal, with the ``median``
    and the ``sigma`` of the logarithm; at least 1, and the last room takes who is left (group sizes: arXiv 2206.06732).
    """
    in_giant = round(giant * user_count)
    left = user_count - in_giant
    sizes = [np.array([in_giant] if in_giant else [], np.int64)]
    block = layer << 32
    while left > 0:
        drawn = block_rng(seed, Stream.ROOMS, block).standard_normal(_BLOCK_SIZE)
        # A room cannot have more than everybody; the bound keeps a wild sigma within what an integer holds.
        some = np.clip(np.rint(median * np.exp(np.minimum(sigma * drawn, 700.0))), 1, user_count).astype(np.int64)
        end = int(np.searchsorted(np.cumsum(some), left)) + 1
        some = some[:end]
        some[-1] -= max(0, int(some.sum()) - left)
        sizes.append(some)
        left -= int(some.sum())
        block += 1
    return np.concatenate(sizes)


def dealt(sizes: Int64s, seed: int, layer: int = 0) -> array[int]:
    """The room of each user: rooms of these sizes, filled in an order that the seed settles, another one each layer."""
    rooms = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    # A stream of their own, far from the blocks that sizes are drawn from.
    rng = block_rng(seed, Stream.ROOMS, (1 << 40) + layer)
    return array("i", rng.permutation(rooms).tobytes())
