"""What is said on a terminal: a view of a run that goes on, its summary, a line while others are waited for, rows."""

from reports.terminal.consoles import Cell, print_row, print_text, stdout
from reports.terminal.live import LiveView
from reports.terminal.summary import print_summary, summary_text
from reports.terminal.waiting import Doing, Waiting, left_text

__all__ = (
    "Cell",
    "Doing",
    "LiveView",
    "Waiting",
    "left_text",
    "print_row",
    "print_summary",
    "print_text",
    "stdout",
    "summary_text",
)
