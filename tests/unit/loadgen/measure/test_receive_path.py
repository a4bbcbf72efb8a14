"""The receive path as those use it who read many sockets at a time."""

from loadgen.measure import marker
from loadgen.measure.marker import Stamp
from loadgen.measure.receive_path import ReceivePath

PREFIX = marker.prefix_of("c0ffee")
OPEN, OTHER = (marker.write(PREFIX, Stamp(sender=0, sequence=n, due_ns=1, sent_ns=2)) for n in (1, 2))


class Course:
    """A receive path with one open message."""

    def __init__(self) -> None:
        self.due_count = 0
        self.path = ReceivePath(PREFIX, lambda _user, _payload, _now_ns: True, self._be_due)
        self.log: list[int] = []
        self.path.logs[OPEN] = self.log

    def _be_due(self) -> None:
        self.due_count += 1


def test_a_frame_with_one_open_message_has_a_log() -> None:
    """The one in which ``receive`` notes it, too."""
    course = Course()
    frame = b'{"text":"hello %b"}' % OPEN

    assert course.path.log_of(frame) is course.log
    assert course.path.receive(3, frame, 10)
    assert course.log == [10, 3]


def test_what_must_be_looked_at_has_no_log() -> None:
    """No marker, one that is not open, a part of one, and several in a frame."""
    path = Course().path

    for frame in (b"", b"hello", OTHER, PREFIX, OPEN[:-1], OPEN + OTHER, OTHER + OPEN, OPEN + b" " + OPEN):
        assert path.log_of(frame) is None


def test_a_message_that_is_finished_has_no_log_any_more() -> None:
    """A further copy is a duplicate, and must be looked at."""
    path = Course().path

    path.close([OPEN])

    assert path.log_of(OPEN) is None


def test_what_is_due_is_done_once() -> None:
    """Until something else is to be done."""
    course = Course()
    course.path.remind(20)
    assert course.path.due_ns == 20

    course.path.be_due()
    assert course.path.due_ns > 2**62
    course.path.receive(3, OPEN, 30)

    assert course.due_count == 1
