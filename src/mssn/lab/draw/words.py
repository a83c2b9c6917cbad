"""What is written in drawn pictures: words of many scripts, and figures."""

from __future__ import annotations

import numpy as np

# The first article of the Universal Declaration of Human Rights; a font writes a script if it has all of its
# letters. Latin ones are of several languages.
SCRIPTS = {
    "Latin": "All human beings are born free and equal in dignity and rights. Tous les êtres humains "
    "naissent libres. Alle Menschen sind frei und gleich an Würde geboren. Todos los seres humanos; razón "
    "y conciencia. The QUICK Brown Fox Jumps OVER a Lazy Dog, (1948) & 2765 ways: $39.50 = 80% of #1!",
    "Greek": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. Είναι "
    "προικισμένοι με λογική και συνείδηση",
    "Cyrillic": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом "
    "и совестью и должны поступать в духе братства",
    "Arabic": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق وقد وهبوا عقلا وضميرا وعليهم أن يعامل بعضهم "
    "بعضا بروح الإخاء",
    "Hebrew": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם כולם חוננו בתבונה ובמצפון",
    "Devanagari": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है",
    "Thai": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกัน ในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม",
    "Japanese": "すべての 人間は 生まれながらにして 自由であり かつ 尊厳と 権利とについて 平等である カナ",
}
_FIGURES = "0123456789"
_MARKS = ".,-/:%+"


def words(script: str, count: int, rng: np.random.Generator) -> str:
    """Words of a script in any order, now and then in capitals, among strings of any letters and figures.

    Args:
        script: One of SCRIPTS.
        count: How many.
        rng: Chooses them.
    """
    known = SCRIPTS[script].split()
    letters = SCRIPTS[script].replace(" ", "")
    chosen: list[str] = []
    for _ in range(count):
        kind = rng.random()
        word = known[int(rng.integers(len(known)))]
        if script == "Latin" and kind < 0.15:
            word = "".join(rng.choice(list(letters), int(rng.integers(1, 9))))
        elif script == "Latin" and kind < 0.3:
            word = figure(rng)
        elif script in ("Latin", "Greek", "Cyrillic") and kind < 0.45 and "ß" not in word:
            word = word.title()
        chosen.append(word)
    return " ".join(chosen)


def figure(rng: np.random.Generator) -> str:
    """A number as charts and tables show it."""
    digits = "".join(rng.choice(list(_FIGURES), int(rng.integers(1, 6))))
    if rng.random() < 0.4:
        place = int(rng.integers(len(digits) + 1))
        return f"{digits[:place]}{_MARKS[int(rng.integers(len(_MARKS)))]}{digits[place:]}"
    return digits
