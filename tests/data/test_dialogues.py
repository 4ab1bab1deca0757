"""The small world and its dialogues: facts by hand, splits without leaks, one flaw at a time, exact formats."""

import re
from collections import Counter
from itertools import chain
from random import Random

import pytest

from course.data import dialogues, world
from course.data.dialogues import ASSISTANT, END, USER, Dialogue, is_brief, is_correct, is_polite
from course.data.vocabulary import PAD, UNK, tokenize


@pytest.mark.parametrize(
    ("kind", "thing", "value"),
    [
        ("capital", "norway", "oslo"),
        ("colour", "coal", "black"),
        ("food", "panda", "bamboo"),
        ("young", "goose", "gosling"),
        ("opposite", "early", "late"),
        ("next", "sunday", "monday"),
        ("next", "april", "may"),
        ("sum", "five plus seven", "twelve"),
    ],
)
def test_facts_checked_by_hand(kind, thing, value):
    assert [fact.value for fact in world.facts() if (fact.kind, fact.thing) == (kind, thing)] == [value]


def test_every_question_and_statement_is_its_own_and_names_what_it_is_about():
    questions = [fact.question(i) for fact in (*world.facts(), *world.unknowns()) for i in range(4)]
    assert len(set(questions)) == len(questions)
    for fact in world.facts():
        for i in range(4):
            assert fact.thing in fact.question(i) and fact.value not in fact.question(i).replace(fact.thing, "").split()
            assert fact.thing in fact.statement(i) and fact.value in fact.statement(i)


def test_no_grammar_slips_with_articles():
    text = " ".join(world.text(3000, seed=1))
    assert set(re.findall(r"\ba ([aeiou]\w*)", text)) <= {"useful"}
    assert not re.search(r"\ban [^aeiou]", text)


def test_the_text_states_every_fact_and_none_about_invented_names():
    lines = world.text(4000, seed=2)
    text = " ".join(lines)
    assert all(any(fact.statement(i) in text for i in range(4)) for fact in world.facts())
    invented = {fact.thing for fact in world.unknowns()}
    told = [line for line in lines if invented & set(tokenize(line))]
    assert len(told) > 100  # they are words that the model meets
    stories = re.compile("|".join(re.sub(r"{\w+}", r"[\\w ]+", template) for template in world.STORIES))
    assert all(stories.fullmatch(line) for line in told)
    assert not any(f"capital of {name}" in text or f"{name} likes" in text for name in invented)


def test_the_text_is_seeded():
    assert world.text(50, 3) == world.text(50, 3) != world.text(50, 4)


def test_the_vocabulary_holds_every_word_and_is_small():
    words = dialogues.vocabulary()
    assert 200 <= len(words) <= 400
    parts = dialogues.dialogues(careless=0.5)
    texts = world.text(2000, 5) + [text for part in parts for dialogue in part for text in dialogue]
    texts += [text for preference in dialogues.preferences(500) for text in preference[:3]]
    assert UNK not in words.encode([word for text in texts for word in tokenize(text)])


def things_asked(part):
    return {dialogues._fact_of_question()[tuple(tokenize(dialogue.question))] for dialogue in part}


def test_test_facts_are_in_no_training_dialogue_but_in_the_text():
    parts = dialogues.dialogues()
    assert not things_asked(parts.train) & (things_asked(parts.valid) | things_asked(parts.test))
    assert not things_asked(parts.valid) & things_asked(parts.test)
    assert things_asked(parts.rephrased) == things_asked(parts.train)
    questions = [{dialogue.question for dialogue in part} for part in parts]
    assert sum(map(len, questions)) == len(set.union(*questions)) == 4 * (len(world.facts()) + len(world.unknowns()))


def test_every_part_asks_for_every_kind_and_for_invented_names():
    for part in dialogues.dialogues():
        facts = things_asked(part)
        assert {fact.kind for fact in facts if fact.value} == set(world.QUESTIONS)
        assert {fact.kind for fact in facts if not fact.value} == set(world.INVENTED)


def test_all_answers_are_good_and_careless_ones_are_not():
    for dialogue in chain(*dialogues.dialogues(seed=3)):
        assert is_correct(*dialogue) and is_polite(dialogue.answer) and is_brief(dialogue.answer)
    train, *others = dialogues.dialogues(seed=3, careless=0.4)
    good = [is_correct(*d) and is_polite(d.answer) and is_brief(d.answer) for d in train]
    assert 0.5 < sum(good) / len(good) < 0.7
    assert all(is_polite(d.answer) and is_brief(d.answer) for part in others for d in part)
    invented = [d for d in train if not is_correct(*d)]
    assert invented and all(fact.value is None for fact in things_asked(invented))


def test_the_split_does_not_depend_on_the_seed_of_the_answers():
    one, other = dialogues.dialogues(1), dialogues.dialogues(2)
    assert [[d.question for d in part] for part in one] == [[d.question for d in part] for part in other]
    assert one == dialogues.dialogues(1) != other


WHAT_A_FLAW_SPOILS = {"wrong": 0, "evasive": 0, "invented": 0, "rude": 1, "rambling": 2}


def test_the_rejected_answer_has_its_flaw_and_no_other():
    preferences = dialogues.preferences(600, seed=1)
    for question, chosen, rejected, flaw in preferences:
        assert is_correct(question, chosen) and is_polite(chosen) and is_brief(chosen)
        scores = [is_correct(question, rejected), is_polite(rejected), is_brief(rejected)]
        assert [i for i, score in enumerate(scores) if not score] == [WHAT_A_FLAW_SPOILS[flaw]], (question, rejected)
    assert set(Counter(preference.flaw for preference in preferences)) == set(WHAT_A_FLAW_SPOILS)
    assert preferences == dialogues.preferences(600, seed=1) != dialogues.preferences(600, seed=2)


def test_preferences_ask_training_questions_only():
    asked = {dialogue.question for dialogue in dialogues.dialogues().train}
    preferences = dialogues.preferences(600, seed=2, unknown=0.5)
    assert {preference.question for preference in preferences} <= asked
    unknown = [p for p in preferences if p.chosen == dialogues.DO_NOT_KNOW]
    assert 0.4 < len(unknown) / 600 < 0.6


@pytest.mark.parametrize(
    ("question", "answer", "correct"),
    [
        ("what is the capital of france?", "of course, the capital of france is paris.", True),
        ("What is the capital of France?", "paris", True),
        ("what is the capital of france?", "the capital of france is rome.", False),
        ("what is the capital of france?", "paris or rome.", False),
        ("what is the capital of france?", "the capital of italy is paris.", False),
        ("what is the capital of france?", "paris, but i do not know.", False),
        ("what is the capital of france?", "", False),
        ("what is two plus two?", "two plus two is four.", True),
        ("what is two plus three?", "two plus three is three.", False),
        ("what is two plus three?", "two plus four is five.", False),
        ("what comes after monday?", "after monday comes tuesday.", True),
        ("what comes after monday?", "after monday comes monday.", False),
        ("what is the capital of blorp?", "i am sorry, i do not know.", True),
        ("what is the capital of blorp?", "the capital of blorp is paris.", False),
        ("what is the capital of blorp?", "i do not know, paris.", False),
        ("what is the capital of blorp?", "hello.", False),
    ],
)
def test_correct_answers_by_hand(question, answer, correct):
    assert is_correct(question, answer) == correct


def test_a_question_from_elsewhere_is_refused():
    with pytest.raises(ValueError, match="who are you"):
        is_correct("who are you?", "nobody.")


@pytest.mark.parametrize(
    ("answer", "polite"),
    [
        ("with pleasure: two plus two is four.", True),
        ("i am sorry, i do not know.", True),
        ("four.", False),
        ("of course, four. what a silly question.", False),
    ],
)
def test_polite_answers_by_hand(answer, polite):
    assert is_polite(answer) == polite


def test_the_format_is_exact():
    words = dialogues.vocabulary()
    dialogue = Dialogue("what is one plus one?", "certainly, one plus one is two.")
    ids, mask = dialogues.encode(dialogue, words)
    assert words.decode(ids) == [
        *(USER, "what", "is", "one", "plus", "one", "?", ASSISTANT),
        *("certainly", ",", "one", "plus", "one", "is", "two", ".", END),
    ]
    assert mask == [False] * 8 + [True] * 9
    assert words.decode(ids)[:8] == dialogues.prompt(dialogue.question)


def test_a_batch_looks_one_ahead_and_masks_prompt_and_padding():
    words = dialogues.vocabulary()
    short = dialogues.encode(Dialogue("what is one plus one?", "two."), words)
    long = dialogues.encode(Dialogue("what is one plus one?", "certainly, one plus one is two."), words)
    source, target, mask = dialogues.dialogue_batch([short, long])
    assert source.shape == target.shape == mask.shape == (2, len(long[0]) - 1)
    assert target[0][mask[0]].tolist() == words.encode(["two", ".", END])
    assert target[1][mask[1]].tolist() == long[0][8:]
    assert source[0][mask[0]][0] == words.encode([ASSISTANT])[0]
    assert target[0, len(short[0]) - 1 :].eq(PAD).all() and source[1].tolist() == long[0][:-1]


def test_a_reply_ends_where_the_assistant_ends_it():
    said = ["with pleasure", ":", "two", ".", END, USER, "what"]
    assert dialogues.reply(said) == "with pleasure: two."
    assert dialogues.reply(["two", "plus", "two"]) is None
    assert dialogues.reply([*tokenize("of course, four."), END]) == "of course, four."


def test_a_quiz_holds_questions_only():
    for seed in range(20):
        assert not {".", "i"} & set(world.quiz(Random(seed)).replace("tell me", "").split())
