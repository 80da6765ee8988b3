"""What is trained on is what the chat template renders."""

from __future__ import annotations

import pytest

from dgchat.chat.template import ChatTemplate
from dgchat.engine.events import ChatMessage
from dgchat.paths import bundled_model
from dgchat.training.corpus.conversation import Conversation, Turn
from dgchat.training.examples import answer_text, prompt_text
from dgchat.training.export import TEMPLATE

ONE = (Turn("Hello", "Hi."),)
THREE = (*ONE, Turn("Tell me\na poem.", "Roses\nare red."), Turn("What's <b>this</b> & that?", "Text."))

THINKING = (*ONE, Turn("What is 2 + 2?", "4.", thought="A sum."))


def rendered(conversation: Conversation) -> str:
    messages = [ChatMessage("system", conversation.system)] if conversation.system else []
    for turn in conversation.turns:
        messages += [ChatMessage("user", turn.user), ChatMessage("assistant", turn.answer)]
    return ChatTemplate(TEMPLATE.read_text(encoding="utf-8")).render(messages[:-1], conversation.thinking)


@pytest.mark.parametrize("system", [None, "Be brief."])
@pytest.mark.parametrize("turns", [ONE, THREE[:2], THREE, THINKING], ids=["one", "two", "three", "thinking"])
def test_the_prompt_of_an_example_is_the_rendered_template(turns: tuple[Turn, ...], system: str | None):
    conversation = Conversation(turns, "fact", system)
    assert prompt_text(conversation) == rendered(conversation)


def test_a_thought_comes_in_its_channel_before_the_answer():
    assert answer_text(THINKING[-1]) == "<|channel>thought\nA sum.\n<channel|>4."
    assert answer_text(ONE[-1]) == "Hi."


def test_the_last_answer_is_not_in_the_prompt():
    assert "Text." not in prompt_text(Conversation(THREE, "fact"))


@pytest.mark.usefixtures("needs_bundled_model")
def test_the_bundled_template_is_the_one_that_was_trained_with():
    assert (bundled_model() / "chat_template.jinja").read_bytes() == TEMPLATE.read_bytes()
