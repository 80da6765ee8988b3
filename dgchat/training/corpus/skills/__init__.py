"""Small skills with checkable answers: numbers, letters, words, the calendar."""

from dgchat.training.corpus.skills.calendar import CALENDAR_SKILLS, DAYS, MONTHS
from dgchat.training.corpus.skills.exercise import Exercise, Skill
from dgchat.training.corpus.skills.letters import LETTER_SKILLS
from dgchat.training.corpus.skills.numbers import NUMBER_SKILLS
from dgchat.training.corpus.skills.words import WORD_SKILLS

__all__ = ["DAYS", "MONTHS", "SKILLS", "WITHDRAWN", "WITHDRAWN_ANSWER_ID", "Exercise", "Skill"]

SKILLS = (*NUMBER_SKILLS, *LETTER_SKILLS, *WORD_SKILLS, *CALENDAR_SKILLS)

WITHDRAWN = frozenset(
    {
        "backwards",
        "capitals",
        "counting",
        "counting letters",
        "doubling",
        "halving",
        "last letter",
        "next number",
        "sorting numbers",
        "sorting words",
        "spelling",
    }
)
"""Names of the skills that the model answers too often wrongly: asked for one of them, it is to say so."""

WITHDRAWN_ANSWER_ID = "fallback-hard"
"""The entry that answers an exercise of a withdrawn skill."""
