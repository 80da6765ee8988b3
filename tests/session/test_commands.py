"""The command table and how a prompt is read."""

from __future__ import annotations

import pytest

from dgchat.errors import UsageError
from dgchat.session.commands import COMMANDS, complete_command, parse_command, read_number, read_switch


def test_a_command_and_its_argument_are_told_apart():
    parsed = parse_command("/steps  24 ")
    assert parsed is not None
    command, argument = parsed
    assert (command.name, argument) == ("steps", "24")


def test_an_ordinary_prompt_is_no_command():
    assert parse_command("what is 1/2?") is None
    assert parse_command(" /steps") is None


def test_an_unknown_command_names_the_nearest():
    with pytest.raises(UsageError, match=r"/stpes.*did you mean /steps"):
        parse_command("/stpes 3")


def test_an_argument_where_none_belongs_is_refused():
    with pytest.raises(UsageError, match="takes no argument"):
        parse_command("/undo everything")


def test_what_was_typed_so_far_is_completed():
    assert [command.name for command in complete_command("/st")] == ["steps", "stats"]
    assert complete_command("hello") == []
    assert len(complete_command("/")) == len(COMMANDS)


@pytest.mark.parametrize("argument", ["0", "49", "many", "", "1.5"])
def test_numbers_outside_their_range_are_refused(argument):
    with pytest.raises(UsageError, match="from 1 to 48"):
        read_number(argument, "The number of steps", 1, 48)


def test_a_switch_is_on_off_or_turned_over():
    assert read_switch("on", current=False)
    assert not read_switch("", current=True)
    with pytest.raises(UsageError):
        read_switch("maybe", current=True)
