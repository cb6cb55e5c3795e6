"""English function words, which attacks do not change and tables do not contain.

Written for this project: the closed classes of English (articles, pronouns, prepositions, conjunctions, auxiliaries,
and the most frequent adverbs). Search uses a shorter list, see :mod:`robustrank.text.analysis`.
"""

from __future__ import annotations

from robustrank.text.languages import ENGLISH

STOP_WORDS: frozenset[str] = frozenset(
    """
    a an the this that these those such same other another each every either neither both all any some none no not nor
    i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she her hers
    herself it its itself they them their theirs themselves one ones who whom whose which what whatever whoever
    about above across after against along among around as at before behind below beneath beside besides between beyond
    but by despite down during except for from in inside into like near of off on onto out outside over past per since
    through throughout till to toward towards under until up upon via with within without
    and or if because although though unless whether while whereas than so yet then
    am is are was were be been being have has had having do does did doing done can could may might must shall should
    will would ought
    when where why how here there now again once ever never always often also too very just only even still already
    more most much many few less least several own however therefore thus hence
    """.split()
)


def stop_words(language: str) -> frozenset[str]:
    """Return the function words of a language; none but for English, whose list is the only one here."""
    return STOP_WORDS if language == ENGLISH else frozenset()
