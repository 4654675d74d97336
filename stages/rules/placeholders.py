"""Finds placeholders for a text still to be written, such as `[your answer here]`, `TBD` or `...`.

The same text may be the right answer: `-` if the task asks for a sign, `[]` if it asks for a list. So each check reads
the instruction as well.
"""

import re
import unicodedata

from stages.rules.words import any_of, visible

_LONGEST = 300  # characters; a longer text has content of its own
_WORDS = re.compile(
    r"\W*(?:n/?a|n\.a\.|(?-i:TODO|FIXME): (?:add|answer|complete|fill|insert|write)[^\n]*"
    r"|no[ _-]?(?:input|output|answer"
    r"|response)(?: (?:is )?(?:needed|required|provided|given|available))?"
    r"|not (?:applicable|available|provided)|to[ -]?do|fixme|tb[adc]|x{3,}|placeholder(?: text)?|coming soon"
    r"|lorem ipsum\b.*"
    r"|to be (?:added|announced|completed|confirmed|decided|defined|determined|done|filled in|provided|written)"
    r"|(?:this|the) (?:answer|output|text) (?:is|will be) (?:still )?to be \w+"
    r"|(?:(?:please )?(?:add|enter|fill in|insert|provide|put|type|write) )?(?:your|the|an?|some|my|model|example"
    r"|sample)?"
    r"(?: new)? ?(?:answer|content|input|output|response|result|solution|task|text)(?: (?:text )?(?:goes|comes"
    r"|will be|is) here"
    r"| here)"
    r"|(?:add|enter|fill in|insert|put|type|write) (?:\w+ ){1,5}here"
    r"|your (?:answer|output|response|text)|null|undefined|nan"
    r"|<\|\w+\|>|</?s>|<(?:eos|pad|end_of_turn)>|\[/?(?:inst|eos|end)\])\W*",  # an end mark alone
    re.IGNORECASE | re.DOTALL,
)
_CODE_WORD = re.compile(r"\W*(?:null|undefined|nan)\W*", re.IGNORECASE)
_BRACKETS = re.compile(r"(?:[\[<{(«]{1,3}|\$\{|%|__)\s*([^\[\]<>{}()«»%]{1,120}?)\s*(?:[\]>})»]{1,3}|%|__)[.!]?")
_TO_FILL_IN = any_of(r"(?:add|describe|enter|fill|insert|provide|put|type|write|your)")
_NUMBERED = re.compile(r"[a-z]+(?: [a-z]+)? \d", re.IGNORECASE)  # [River 1]
_NAMES_A_PART = any_of(  # nouns for what is to be written
    r"(?:answer|author|blank|body|category|city|class|code|company|content|country|data|date|description"
    r"|detail|example)s?|(?:explanation|fact|fruit|here|idea|info|information|input|instruction|item|label"
    r"|line|list|location|message)s?|(?:name|nooutput|number|option|output|paragraph|person|place|placeholder"
    r"|point|problem|question|quote)s?|(?:reason|reply|response|result|sentence|solution|step|story|task|text"
    r"|tip|title|topic|translation|value)s?|(?:word|url|link|image|picture|photo|video|audio|file|attachment"
    r"|poem|email|address|summary|summaries)s?|omitted|missing|empty|to be \w+|no (?:output|answer"
    r"|response)"
)
_LABEL = re.compile(r"\A\s*(?:(?:\d{1,3}[.):]|[-*•])\s+)?(?:\w[\w ]{0,20}:\s*(?=\S))?")

_ABOUT_SIGNS = any_of(  # tasks whose answer may consist of signs
    r"\w*(?:signs?|symbols?|punctuat\w+|characters?|operators?|emojis?|emoticons?|brackets?|braces?"
    r"|parenthes[ei]s)|(?:question|exclamation|quotation|missing|which|what|right|quote) marks?|morse|braille"
    r"|annotations?|hangman|boards?"
    r"|ascii|dots?|bars?|hash(?:es)?|dash(?:es)?|hyphens?|ellips[ei]s|underscores?|asterisks?|stars?|arrows?|patterns?|notation"
    r"|delimiters?|separators?|commas?|regex|regular expressions?|glyphs?|wildcards?|periods?|full stops?"
    r"|colons?|semicolons?|slash(?:es)?|apostrophes?"
)
_ABOUT_VALUES = any_of(  # tasks whose answer may be an empty list, object or text
    r"(?:as|an?|the|python|json|empty|this|given|following) lists?|arrays?|json|dict(?:ionary|ionaries)?"
    r"|objects?|sets?|tuples?|strings?|python|javascript|code|functions?|expressions?|evaluat\w+|returns?"
    r"|prints?|query|values?|variables?|keywords?|fields?|sql|yaml|output of|types?|pointers?|c\+\+|java|ruby"
    r"|rust|literals?"
)
_ABOUT_HOLES = any_of(  # tasks whose answer may hold blanks to fill in
    r"templates?|placeholders?|variables?|enter|f-strings?|(?:filled|fill|fills|filling) in|fill|blanks?|tags?|html"
    r"|xml|markup|markdown"
    r"|syntax|elements?|stage directions?|merge fields?|citations?|subtitles?|captions?|headings?|forms?"
    r"|lorem|dummy|filler"
)
_ABOUT_SHORT_FORMS = any_of(  # tasks whose answer may be N/A or TBD
    r"abbreviat\w+|acronyms?|initialisms?|short forms?|shorthand|stands? for|spell out|spelled out"
    r"|written out|cells?|columns?|spreadsheets?|tables?|status|mean|means|meaning|comments?"
)
# the end of the text before an answer that the instruction names: "or", "answer with", a colon, a quote
_OFFERED = re.compile(r"(?:\b(?:or|with|as|say|write|return|answer|reply|use|put|is|are|by|and|of)\s+|[:,(\"'`/]\s*)\Z")
_BLANKS = {"...", "…", "___", "---"}  # a blank in the instruction is to be filled in, not to be repeated


def placeholder(text: str, instruction: str, given: str = "") -> str:
    """Return the text if it is a placeholder and the task does not ask for just that text; else an empty string.

    `given` is the input: `[]` is an answer if the input holds brackets. Emojis, currency signs and single signs of
    mathematics are always answers. A number or an ordinary word is never a placeholder.
    """
    shown = visible(text)
    if not shown or _offered(shown, instruction):
        return ""
    if not any(letter.isalnum() for letter in shown):
        return "" if _signs_are_meant(shown, instruction, given) else shown
    if len(shown) > _LONGEST and not shown.lower().startswith("lorem ipsum"):
        return ""
    if _WORDS.fullmatch(shown) or _WORDS.fullmatch(_without_label(shown)):
        meant = _ABOUT_VALUES if _CODE_WORD.fullmatch(shown) else _ABOUT_SHORT_FORMS
    elif all(_hole(_without_label(piece)) for piece in re.split(r"[\n,;]", shown) if piece.strip()):
        meant = _ABOUT_SIGNS
    else:
        return ""
    return "" if meant.search(instruction) or _ABOUT_HOLES.search(instruction) else shown


def _offered(shown: str, instruction: str) -> bool:
    """Return True if the instruction names the text as an answer, such as N/A in "write N/A if it is unknown"."""
    if shown in _BLANKS:
        return False
    before, here, after = instruction.casefold().partition(shown.casefold())
    return bool(here and _OFFERED.search(before) and not after[:1].isalnum())


def _signs_are_meant(shown: str, instruction: str, given: str) -> bool:
    """Return True if a text of signs may be the answer: an emoji, a picture made of signs, an empty list."""
    signs = set(shown) - {" ", "\n"}
    if any(unicodedata.category(sign)[0] == "S" and sign not in "`^<>=~|+" for sign in signs):
        return True
    if len(shown) == 1 and shown in "<>=+":
        return True
    if len(set(shown.split("\n"))) > 2:  # a picture made of signs
        return True
    task = instruction + given
    if signs <= set("[]{}()\"'") and (signs & set(task) & set("[{(") or _ABOUT_VALUES.search(task)):
        return True
    return bool(_ABOUT_SIGNS.search(instruction))


def _without_label(line: str) -> str:
    return _LABEL.sub("", line, count=1).strip()


def _hole(piece: str) -> bool:
    """Return True if a piece of text is a blank to fill in, such as `<summary of the text>`, `TBD` or `____`."""
    if _WORDS.fullmatch(piece) or (piece and set(piece) <= set("_.…-? ")):
        return True
    inside = _BRACKETS.fullmatch(piece)
    if not inside or "=" in inside[1] or '"' in inside[1]:
        return False
    words = inside[1].replace("_", " ").replace("-", " ")
    if _TO_FILL_IN.match(words) or _NUMBERED.fullmatch(words):
        return True
    # round brackets hold asides, "(the answer is 4)", so a noun alone makes a blank only in other brackets
    return piece[0] != "(" and len(words.split()) <= 10 and bool(_NAMES_A_PART.search(words)) and words[-1] not in ".!?"
