"""The chat template: what it is given, and what it may not do."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from time import monotonic

import pytest

from dgchat.chat import stranger
from dgchat.chat.template import ChatTemplate
from dgchat.engine.events import ChatMessage
from dgchat.errors import TemplateError
from dgchat.training.export import TEMPLATE
from tiny import THINKING_TEMPLATE

TALK = (
    ChatMessage("system", "Be brief."),
    ChatMessage("user", " Hello \n"),
    ChatMessage("assistant", "Hi.", thought="secret"),
    ChatMessage("user", "Why?"),
)


def render(source: str, thinking: bool = False) -> str:
    return ChatTemplate(source).render(TALK, thinking)


def test_a_conversation_is_rendered_up_to_the_opening_of_the_models_turn():
    assert render(TEMPLATE.read_text(encoding="utf-8")) == (
        "<bos><|turn>system\nBe brief.<turn|>\n<|turn>user\nHello<turn|>\n"
        "<|turn>model\nHi.<turn|>\n<|turn>user\nWhy?<turn|>\n<|turn>model\n"
    )


def test_thoughts_of_earlier_turns_are_left_out():
    assert "secret" not in render("{{ messages | tojson }}")


def test_a_template_that_asks_for_thinking_can_think():
    assert ChatTemplate(THINKING_TEMPLATE).can_think
    assert not ChatTemplate(TEMPLATE.read_text(encoding="utf-8")).can_think
    assert render(THINKING_TEMPLATE, thinking=True).startswith("<|think|><bos>")
    assert render(THINKING_TEMPLATE).startswith("<bos>")


def test_templates_find_what_published_ones_use():
    assert render("{{ bos_token }}{{ eos_token }}{{ tools is none }}") == "<bos><eos>True"
    assert render("{{ 'é<' | tojson }}") == '"é<"'
    assert render("{% for m in messages %}{% if loop.index == 2 %}{% break %}{% endif %}x{% endfor %}") == "x"
    assert re.fullmatch(r"\d{4}", render("{{ strftime_now('%Y') }}"))
    assert render("{{ strftime_now('%Y') }}") == str(datetime.now().astimezone().year)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ (messages[0] | attr('__class__')).__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ messages[0].update({'content': 1}) }}",
        "{{ cycler.__init__.__globals__ }}",
        "{% include 'config.json' %}",
        "{% import 'os' as os %}",
    ],
)
def test_the_sandbox_refuses_to_reach_outside_or_to_change_anything(source: str):
    with pytest.raises(TemplateError, match="does not render"):
        render(source)


@pytest.mark.parametrize(
    "source",
    ["{{ ''.__class__ }}", "{{ raise_exception.__globals__ }}", "{{ '{0.__class__}'.format(messages) }}"],
)
def test_a_private_attribute_that_is_only_printed_is_empty(source: str):
    assert render(source) == ""


@pytest.mark.parametrize(
    "source",
    [
        "{{ raise_exception('roles must alternate') }}",
        "{{ 1 / 0 }}",
        "{{ messages[9].role.upper() }}",
        "{{ 1 + 'a' }}",
        "{{ range(10 ** 9) | list }}",
        "{{ 1 | dictsort }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ 'x' * (10 ** 12) }}",
        "{{ 'x' | center(10 ** 12) }}",
        "{{ 'x' * (10 ** 9) }}",
        "{% for i in range(70000) %}{{ 'x' * 1000 }}{% endfor %}",
    ],
)
def test_a_template_that_fails_says_so(source: str):
    with pytest.raises(TemplateError, match="does not render"):
        render(source)


def test_a_templates_own_complaint_is_passed_on():
    with pytest.raises(TemplateError, match="roles must alternate"):
        render("{{ raise_exception('roles must alternate') }}")


def test_a_failure_without_words_is_named_by_its_kind():
    with pytest.raises(TemplateError, match="does not render: MemoryError"):
        render("{{ 'x' * (10 ** 12) }}")


DEEP = ["{{ " + "(" * 10_000 + ")" * 10_000 + " }}", "{% for a in b %}" * 30 + "{% endfor %}" * 30]


@pytest.mark.parametrize(
    "source",
    ["{% if %}", "{{ ", "{% for %}", "{{ x | no_such_filter }}", "{{ " + "9" * 5000 + " }}", *DEEP],
    ids=lambda source: source[:12],
)
def test_a_template_that_does_not_compile_is_refused_at_once(source: str):
    with pytest.raises(TemplateError, match="does not compile"):
        ChatTemplate(source)


ENDLESS = [
    "{{ 10 ** (10 ** 8) }}",
    "{% for i in range(9999) %}{% for i in range(99999) %}{% endfor %}{% endfor %}",
]


@pytest.mark.parametrize("source", ENDLESS, ids=["compiling", "rendering"])
def test_a_template_without_end_is_stopped_after_two_seconds_and_the_next_one_renders(source: str):
    started = monotonic()
    with pytest.raises(TemplateError, match=r"stopped|memory|MemoryError"):
        render(source)
    assert monotonic() - started < 5.0  # a process is started, too
    assert render("still here") == "still here"


@pytest.mark.skipif(sys.platform != "linux", reason="only there memory can be bounded")
@pytest.mark.parametrize(
    "source",
    [
        "{{ 'x' * (4 * 10 ** 9) }}",
        "{% set n = namespace(x='x') %}"
        + ("{% for i in range(40) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x | length }}"),
    ],
)
def test_a_template_that_multiplies_text_gets_no_gigabytes(source: str):
    with pytest.raises(TemplateError, match=r"memory|MemoryError|stopped"):
        render(source)
    assert _peak_of_children() < stranger.MAX_MEMORY_BYTES + 64 * 2**20


def test_after_a_template_was_stopped_it_can_be_rendered_again():
    template = ChatTemplate(
        "{% if messages[0].content == 'hang' %}{{ 10 ** (messages | length * 10 ** 9) }}{% endif %}ok"
    )
    with pytest.raises(TemplateError, match="stopped"):
        template.render([ChatMessage("user", "hang")], thinking=False)
    assert template.render([ChatMessage("user", "go on")], thinking=False) == "ok"


def _peak_of_children() -> int:
    import resource  # Windows has none

    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
