"""The faults file: checked as a whole, or refused in one line."""

from pathlib import Path

import pytest

from target_app import faults
from target_app.faults import ConstantDelay, Faults, FaultsError, LognormalDelay, UniformDelay, read_faults


def written(folder: Path, text: str) -> Path:
    path = folder / "faults.toml"
    path.write_text(text)
    return path


def test_the_example_in_the_module_is_read_as_it_stands(tmp_path: Path) -> None:
    """What people copy works, and says of itself what it does."""
    example = str(faults.__doc__).partition("\n\n")[2].partition("\nMessages")[0]

    read = read_faults(written(tmp_path, example))

    assert read.seed == 7
    assert read.deliveries.delay == ConstantDelay(kind="constant", ms=5)
    assert read.texts() == [
        "deliveries.delay kind constant, ms 5.0",
        "deliveries.drop 0.01",
        "deliveries.duplicate 0.01",
        "deliveries.swap 0.01",
        "deliveries.stray 0.001",
        "deliveries.swap_same_sender true",
        "deliveries.spare_newcomers_s 0.5",
        "freeze after_s 5.0, for_s 1.0",
        "close after_s 3.0, share 0.25, code 1012, reason restart",
        "login.refuse 0.1",
        "login.delay kind constant, ms 50.0",
        "upgrade.never_answer 0.05",
        "reading.slow share 0.1, bytes_per_s 1000.0",
    ]


def test_an_empty_file_asks_for_nothing(tmp_path: Path) -> None:
    """The server then does its best, and only keeps the books."""
    assert read_faults(written(tmp_path, "")) == Faults()
    assert Faults().texts() == []


def test_a_long_list_is_told_by_its_beginning() -> None:
    """The log and the health page are for people."""
    picks = [{"message": number, "receiver": "user-000001"} for number in range(1_000)]

    (text,) = Faults.model_validate({"deliveries": {"drop": picks}}).texts()

    assert text.startswith("deliveries.drop [{")
    assert text.endswith("...")
    assert len(text) == 120


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("sed = 1", "sed: unknown key"),
        ("seed = 1.5", "seed: expected a valid integer"),
        ("deliveries = 3", "deliveries: expected a table, got 3"),
        ("deliveries.dorp = 0.1", "deliveries.dorp: unknown key"),
        ("deliveries.drop = 1.1", "deliveries.drop: expected less than or equal to 1, got 1.1"),
        ("deliveries.drop = -0.1", "deliveries.drop: expected greater than or equal to 0, got -0.1"),
        ("deliveries.drop = nan", "deliveries.drop: expected a finite number, got NaN"),
        ("deliveries.drop = true", "deliveries.drop: expected a valid number, got true"),
        ("deliveries.drop = 'often'", 'deliveries.drop: expected a valid number, got "often"'),
        ("deliveries.drop = [{ message = 1 }]", "deliveries.drop[0].receiver: missing"),
        (
            "deliveries.drop = [{ message = -1, receiver = 'a' }]",
            "deliveries.drop[0].message: expected greater than or equal to 0, got -1",
        ),
        ("deliveries.drop = [{ message = 1, receiver = 'a', copies = 2 }]", "deliveries.drop[0].copies: unknown key"),
        ("deliveries.delay = 5", "deliveries.delay: expected a table, got 5"),
        ("deliveries.delay = { ms = 5 }", "deliveries.delay.kind: missing; expected constant, uniform or lognormal"),
        (
            "deliveries.delay = { kind = 'gauss' }",
            'deliveries.delay.kind: expected constant, uniform or lognormal, got "gauss"',
        ),
        (
            "deliveries.delay = { kind = 'constant', ms = -5 }",
            "deliveries.delay.ms: expected greater than or equal to 0, got -5",
        ),
        (
            "deliveries.delay = { kind = 'uniform', from_ms = 5, to_ms = 1 }",
            "deliveries.delay: expected from_ms <= to_ms, got 5 and 1",
        ),
        (
            "login.delay = { kind = 'lognormal', median_ms = inf, sigma = 1 }",
            "login.delay.median_ms: expected a finite number, got Infinity",
        ),
        ("freeze = [{ after_s = 1 }]", "freeze[0].for_s: missing"),
        ("freeze = [{ after_s = -1, for_s = 1 }]", "freeze[0].after_s: expected greater than or equal to 0, got -1"),
        ("close = [{ after_s = 1, code = 1012 }]", "close[0]: expected either share or users"),
        (
            "close = [{ after_s = 1, code = 1006, share = 1 }]",
            "close[0]: code: expected one that a close frame may carry, got 1006",
        ),
        (
            f"close = [{{ after_s = 1, code = 1012, share = 1, reason = '{'x' * 124}' }}]",
            "close[0]: reason: expected at most 123 bytes, got 124",
        ),
        (
            "reading.slow = { share = 0.1, bytes_per_s = 0 }",
            "reading.slow.bytes_per_s: expected greater than 0, got 0",
        ),
        ("seed =", "not a TOML file: Invalid value (at end of document)"),
        ("a = " + "[" * 3_000, "not a TOML file: "),
    ],
)
def test_a_file_that_cannot_be_followed_is_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    """Where, what was wanted, what was found; nothing is guessed or left out."""
    path = written(tmp_path, text)

    with pytest.raises(FaultsError) as refused:
        read_faults(path)

    assert str(refused.value).startswith(f"{path}: {complaint}")
    assert "\n" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A directory, nothing at all, or bytes that are no text."""
    (tmp_path / "bytes").write_bytes(b"\xff")

    with pytest.raises(FaultsError, match="cannot read: Is a directory"):
        read_faults(tmp_path)
    with pytest.raises(FaultsError, match=r"missing\.toml: cannot read: No such file"):
        read_faults(tmp_path / "missing.toml")
    with pytest.raises(FaultsError, match="bytes: not a TOML file"):
        read_faults(tmp_path / "bytes")


def test_delays_have_the_quantiles_that_were_asked_for() -> None:
    """A lot of 0.9 stands for the 90th percentile."""
    assert ConstantDelay(kind="constant", ms=5).delay_ns(0.9) == 5_000_000
    assert UniformDelay(kind="uniform", from_ms=10, to_ms=20).delay_ns(0.9) == 19_000_000
    lognormal = LognormalDelay(kind="lognormal", median_ms=10, sigma=0.5)
    assert lognormal.delay_ns(0.5) == 10_000_000
    # 10 ms * exp(0.5 * 1.2815515655)
    assert lognormal.delay_ns(0.9) == pytest.approx(18_979_527, abs=1)


def test_a_delay_has_an_end() -> None:
    """The far tail of a wide lognormal distribution would outlive everybody."""
    assert LognormalDelay(kind="lognormal", median_ms=1_000, sigma=10).delay_ns(1 - 2.0**-53) == 3_600 * 10**9
