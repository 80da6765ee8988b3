"""Small skills with checkable answers: numbers, letters, words, the calendar."""

from dgchat.training.corpus.skills.calendar import CALENDAR_SKILLS, DAYS, MONTHS
from dgchat.training.corpus.skills.exercise import Exercise, Skill
from dgchat.training.corpus.skills.letters import LETTER_SKILLS
from dgchat.training.corpus.skills.numbers import NUMBER_SKILLS
from dgchat.training.corpus.skills.words import WORD_SKILLS

__all__ = ["DAYS", "MONTHS", "SKILLS", "Exercise", "Skill"]

SKILLS = (*NUMBER_SKILLS, *LETTER_SKILLS, *WORD_SKILLS, *CALENDAR_SKILLS)
