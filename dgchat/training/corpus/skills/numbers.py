"""Skills with numbers up to 100.

Sums, differences and products are tables to be known by heart, as at school: ways of asking for them are held
out, and of the other skills the numbers themselves.
"""

from __future__ import annotations

from random import Random

from dgchat.training.corpus.entries import normalised
from dgchat.training.corpus.skills.exercise import Exercise, Skill, listed


def _addition(rng: Random) -> Exercise:
    a = rng.randrange(21)
    b = rng.randrange(21 - a)
    asks = (
        "What is {a} plus {b}?",
        "what is {a} + {b}",
        "{a} + {b}",
        "{a}+{b}",
        "{a} + {b} = ?",
        "How much is {a} plus {b}?",
        "Add {a} and {b}.",
        "what's {a}+{b}?",
        "Can you add {a} and {b}?",
        "{a} plus {b}",
    )
    ask = rng.choice(asks).format(a=a, b=b)
    return Exercise(normalised(ask), ask, f"{a} plus {b} is {a + b}.")


def _subtraction(rng: Random) -> Exercise:
    a = rng.randrange(21)
    b = rng.randrange(a + 1)
    asks = (
        "What is {a} minus {b}?",
        "what is {a} - {b}",
        "{a} - {b}",
        "{a}-{b}",
        "{a} - {b} = ?",
        "How much is {a} minus {b}?",
        "Take {b} away from {a}.",
        "what's {a}-{b}?",
        "{a} minus {b}",
    )
    ask = rng.choice(asks).format(a=a, b=b)
    return Exercise(normalised(ask), ask, f"{a} minus {b} is {a - b}.")


def _counting(rng: Random) -> Exercise:
    start = rng.choice((1, 1, rng.randrange(0, 20)))
    stop = start + rng.randrange(2, 11)
    asks = (
        "Count from {a} to {b}.",
        "count from {a} to {b}",
        "Can you count from {a} to {b}?",
        "Please count from {a} up to {b}.",
        "Count up from {a} to {b}.",
        "Which numbers go from {a} to {b}?",
    )
    if start == 1:
        asks += ("Count to {b}.", "count to {b}", "Can you count to {b}?")
    numbers = ", ".join(str(number) for number in range(start, stop + 1))
    return Exercise(f"{start}..{stop}", rng.choice(asks).format(a=start, b=stop), f"{numbers}.")


def _comparing(rng: Random) -> Exercise:
    a, b = rng.sample(range(101), 2)
    bigger = rng.random() < 0.5
    word = rng.choice(("bigger", "larger", "greater", "more") if bigger else ("smaller", "less"))
    asks = (
        "Which is {word}, {a} or {b}?",
        "which is {word}: {a} or {b}",
        "What is {word}, {a} or {b}?",
        "is {a} or {b} {word}?",
        "{a} or {b}, which is {word}?",
        "Which number is {word}, {a} or {b}?",
    )
    low, high = sorted((a, b))
    answer = f"{high} is bigger than {low}." if bigger else f"{low} is smaller than {high}."
    return Exercise(f"{low}<{high}", rng.choice(asks).format(word=word, a=a, b=b), answer)


def _next_number(rng: Random) -> Exercise:
    number = rng.randrange(1, 100)
    side = rng.choice(("after", "before"))
    answer = number + 1 if side == "after" else number - 1
    asks = (
        "What number comes {side} {n}?",
        "which number is {side} {n}",
        "what comes {side} {n}?",
        "Tell me the number {side} {n}.",
    )
    ask = rng.choice(asks).format(side=side, n=number)
    return Exercise(f"{side} {number}", ask, f"The number {side} {number} is {answer}.")


def _sorting_numbers(rng: Random) -> Exercise:
    numbers = rng.sample(range(100), rng.choice((3, 3, 4)))
    asks = (
        "Sort these numbers: {}.",
        "sort {}",
        "Put these in order: {}.",
        "Sort from small to big: {}.",
        "order {}",
    )
    ordered = sorted(numbers)
    ask = rng.choice(asks).format(listed(numbers, rng))
    return Exercise(listed(ordered), ask, f"In order: {listed(ordered)}.")


def _multiplication(rng: Random) -> Exercise:
    a, b = rng.randrange(1, 11), rng.randrange(1, 11)
    asks = (
        "What is {a} times {b}?",
        "what is {a} * {b}",
        "{a} * {b}",
        "{a} x {b}",
        "{a}*{b}",
        "How much is {a} times {b}?",
        "Multiply {a} by {b}.",
        "{a} times {b}",
    )
    ask = rng.choice(asks).format(a=a, b=b)
    return Exercise(normalised(ask), ask, f"{a} times {b} is {a * b}.")


def _even_or_odd(rng: Random) -> Exercise:
    number = rng.randrange(101)
    asks = (
        "Is {n} even or odd?",
        "is {n} odd or even",
        "{n}: even or odd?",
        "Is the number {n} even or odd?",
        "even or odd: {n}",
        "Tell me if {n} is even or odd.",
    )
    kind = "odd" if number % 2 else "even"
    return Exercise(str(number), rng.choice(asks).format(n=number), f"{number} is an {kind} number.")


def _doubling(rng: Random) -> Exercise:
    number = rng.randrange(1, 51)
    asks = (
        "What is twice {n}?",
        "double {n}",
        "What is the double of {n}?",
        "Double the number {n}.",
        "how much is twice {n}",
        "Can you double {n}?",
    )
    return Exercise(str(number), rng.choice(asks).format(n=number), f"Twice {number} is {2 * number}.")


def _halving(rng: Random) -> Exercise:
    number = 2 * rng.randrange(1, 51)
    asks = (
        "What is half of {n}?",
        "half of {n}",
        "how much is half of {n}",
        "Halve {n}.",
        "Cut {n} in half.",
        "What do I get if I halve {n}?",
    )
    return Exercise(str(number), rng.choice(asks).format(n=number), f"Half of {number} is {number // 2}.")


NUMBER_SKILLS = (
    Skill("addition", _addition, 3.0),
    Skill("subtraction", _subtraction, 3.0),
    Skill("multiplication", _multiplication, 1.5),
    Skill("counting", _counting, 0.5),
    Skill("comparing", _comparing, 2.0),
    Skill("next number", _next_number, 0.5),
    Skill("sorting numbers", _sorting_numbers, 0.5),
    Skill("even or odd", _even_or_odd),
    Skill("doubling", _doubling, 0.5),
    Skill("halving", _halving, 0.5),
)
