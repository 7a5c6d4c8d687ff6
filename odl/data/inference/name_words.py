"""Words in the names of files: people, trials, dates, sensors, and what people do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from odl.data.inference.axes import SENSOR_WORDS, words_of

PERSON_WORDS = (
    "subject|participante?|volunteer|person|user|subj|sub|proband|patient|pers|versuchsperson|testperson|"
    "teilnehmer|sujeto?|persona|personne|soggetto|deelnemer|участник|被験者|受试者|vp|id|s|p|u"
)
PERSON = re.compile(rf"({PERSON_WORDS})[ _-]?\d+", re.IGNORECASE)
SPLITS = {
    "train": "train", "training": "train", "test": "test", "testing": "test", "val": "test", "valid": "test",
    "validation": "test",
}  # fmt: skip
_DONE = """walk run jog sit stand lie lay laying lying sleep jump hop skip stair stairs up down upstairs
downstairs climb ascend descend idle still static rest stationary moving active cycle cycling bike
biking drive driving row rowing squat squats lunge lunges push pushup pull pullup situp crunch plank
burpee curl press deadlift swim swing wave waving punch flex clap circle shake tap swipe rotate twist
snake slope left right eat drink type write brush wash cook clean vacuum iron fall falling trip stumble
bend kick throw catch dance elevator escalator bus car train tram metro subway standing sitting walking
running jogging jumping climbing normal fault on off open close none null other unknown background noise
gesture nordic rope soccer basketball football tennis serve forehand backhand smash turn turning reach
lift carry pick place pour stir upper lower good bad slow fast gehen laufen sitzen stehen liegen
springen treppe marche assis debout"""
ACTIVITIES = frozenset(_DONE.split())
_TRIAL = re.compile(
    r"(?:trial|take|rec|recording|session|sess|rep|repetition|run|set|part|no|nr|v|exp|experiment|t|r|file)?\d{1,4}",
    re.IGNORECASE,
)
_STAMP = re.compile(
    r"\d{6,}|\d{4}|[0-9a-f]{6,}|\d{1,2}[ap]m|t\d{6}z?|\d+(?:\.\d+)?(?:s|sec|secs|min|mins|hz|ms|m|h|g|dps|fps)|20\d\d",
    re.IGNORECASE,
)
_FILLED = """data raw log logs rec recording record sensor sensors imu accel acc csv file sample samples
output export trial table dataset my session measurement all combined merged signals phone watch wrist
arduino nano esp32 left_wrist ingestion"""
_FILLER = frozenset(_FILLED.split())


@dataclass(frozen=True)
class Token:
    text: str
    kind: str  # word, number, stamp, person, trial, filler, sensor, activity, split


def tokens_of(name: str) -> list[list[Token]]:
    """The tokens of each folder and of the stem of a file."""
    *folders, file = name.split("/")
    stem = re.sub(
        r"(?i)(\.csv|\.txt|\.tsv|\.json|\.cbor|\.parquet|\.dat|\.log|\.mat|\.np[yz]|\.xlsx?|\.gz|\.zip)+$",
        "",
        file,
    )
    return [[Token(t, kind_of(t)) for t in re.split(r"[_\-\s.()+]+", part) if t] for part in (*folders, stem)]


def kind_of(text: str) -> str:
    low = text.lower()
    if PERSON.fullmatch(text) and not re.fullmatch(r"(?i)t\d+", text):
        return "person"
    if low in SPLITS:
        return "split"
    if is_activity(low):
        return "activity"
    if (
        _STAMP.fullmatch(text)
        and re.search(r"\d", text)
        and not text.isdecimal()
        or re.fullmatch(r"\d{6,}", text)
    ):
        return "stamp"
    if _TRIAL.fullmatch(text):
        return "trial"
    if low in _FILLER:
        return "filler"
    if len(low) > 1 and any(w in SENSOR_WORDS and len(w) > 1 for w in words_of(text)):
        return "sensor"
    if re.fullmatch(r"[0-9a-z]*\d[0-9a-z]*", low) and len(re.findall(r"\d+", low)) > 1:
        return "stamp"
    return "word"


def is_activity(text: str) -> bool:
    """Whether a text names something that people do, in one of its words.

    >>> is_activity("Walking"), is_activity("walk12"), is_activity("anna")
    (True, True, False)
    """
    for word in re.split(r"[_\W\d]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower()):
        stems = {word, word.removesuffix("s"), word.removesuffix("ing"), word.removesuffix("ed")}
        stems |= {word.removesuffix("ing") + "e", re.sub(r"(.)\1ing$", r"\1", word)}
        if word and stems & ACTIVITIES:
            return True
    return False
