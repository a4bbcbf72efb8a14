"""Tokens that are signed here, for servers that take any valid one (JSON Web Tokens, RFC 7519)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

from loadgen.dialects.script import TokenScript
from loadgen.dialects.template import fill_all


def sign(script: TokenScript, values: Mapping[str, str]) -> str:
    """The token of one user; ``iat`` and ``exp`` are added where the claims have none of their own.

    ValueError where the algorithm is not known, or the key does not fit it.
    """
    import jwt  # 30 ms, and needed by few

    lasts = {"iat": script.issued_at_s, "exp": script.issued_at_s + script.lifetime_s}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)  # the key is the server's choice
        try:
            return jwt.encode(lasts | fill_all(script.claims, values), script.secret, script.algorithm)
        except NotImplementedError:
            raise ValueError("unknown algorithm") from None
        except (jwt.PyJWTError, TypeError) as error:
            raise ValueError(" ".join(str(error).split())) from error
