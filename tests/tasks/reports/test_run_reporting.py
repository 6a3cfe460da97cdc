"""One message of several runs: what a person reads is a sentence, and each warning once on a line below it."""

from tasks.reports.run_reporting import Message, join
from tasks.text import with_warnings


def test_every_warning_of_several_runs_is_reported_once() -> None:
    messages = [
        Message("core published", ("old asset list", "X is unknown")),
        Message("income published", ("old asset list",)),
    ]
    sentence, warnings = join(messages, "XTKS is closed")
    assert with_warnings(sentence, *warnings).splitlines() == [
        "core published; income published; XTKS is closed",
        "warning: old asset list",
        "warning: X is unknown",
    ]


def test_a_reason_of_two_lines_is_no_warning() -> None:
    sentence, warnings = join([Message("core is held: disk full\non host a"), Message("income published")])
    assert warnings == ()
    assert with_warnings(sentence) == "core is held: disk full on host a; income published"
