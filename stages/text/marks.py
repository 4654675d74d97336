"""Removes from an answer what is not meant for its reader: reasoning, chat template marks and turns of other speakers.

Some servers remove these and some do not, so this module cleans every answer. A mark stays if the text is about it: in
code, in quotation marks, or in the middle of a sentence.
"""

import re
from collections.abc import Iterator

from stages.text.dialects import with_usual_tags
from stages.text.lines import as_written

OWN, OTHER, AFTER_END = "own turn", "turn of somebody else", "text after an end mark"
OPEN, CLOSE, END, HEADER, CHANNEL, CITATION, ALONE = "open", "close", "end", "header", "channel", "citation", "alone"

NAMED: dict[str, frozenset[str]] = {
    OPEN: frozenset({"think", "begin_of_thought", "start_thinking", "start_of_thought"}),
    CLOSE: frozenset({"/think", "end_of_thought", "end_thinking"}),
    END: frozenset(
        {"im_end", "endoftext", "end_of_text", "eot_id", "eom_id", "eot", "eos", "eod", "end", "return", "call", "stop"}
        | {"end_of_turn", "end_of_turn_token", "end▁of▁sentence", "end_of_sentence", "end_response", "end_of_solution"}
    ),
    HEADER: frozenset({"im_start", "start", "start_header_id", "header_start", "start_of_role", "start_of_turn_token"}),
    CHANNEL: frozenset({"channel"}),
    OWN: frozenset({"assistant", "im_assistant", "chatbot_token", "bot", "model"}),
    OTHER: frozenset({"user", "im_user", "user_token", "system", "im_system", "system_token", "human", "observation"}),
}
"""Names of marks `<|name|>`, by what the mark does. Any other mark (padding, a separator) is just removed."""

SPELLED: dict[str, str] = {
    OPEN: r"<(?:seed:)?(?:think|thinking|antthinking)>|\[THINK\]|◁think▷",
    CLOSE: r"</(?:seed:)?(?:think|thinking|antthinking)>|\[/THINK\]|◁/think▷",
    END: r"</s>|<end_of_turn>|<eos>|<EOT>|\[EOS\]",
    HEADER: r"<start_of_turn>",
    OWN: r"\[/INST\]|(?<=[.!?)\"”])assistant\r?\n\r?\n",  # Llama 3 without its marks: "16.assistant\n\n…"
    OTHER: r"\[INST\]|(?<=[.!?)\"”])user\r?\n\r?\n",
    CITATION: r":contentReference\[[^\]\n]{0,40}\](?:\{[^}\n]{0,40}\})?|\[oaicite:[^\]\n]{0,40}\]"
    r"|【\d[^】\n†]{0,20}†[^】\n]{0,80}】"
    r"|\ue200[^\ue201\n]{0,200}\ue201|\[cite_start\]|\[cite: ?[\d, ]{1,40}\]",
    ALONE: r"<bos>|<pad>|<sep>|\[e~\[|<<SYS>>|<</SYS>>|\[gMASK\]|<sop>",
}
"""Patterns of the marks that are not written as `<|name|>`, by what the mark does."""

_REASONING_WORDS = (
    "reasoning|reason|thoughts?|reflection|scratchpad|analysis|rationale|(?:internal|inner)_(?:monologue|thoughts?)"
)
_LEADING_REASONING = re.compile(rf"\s*<({_REASONING_WORDS})>", re.IGNORECASE)  # elsewhere they may be XML of the answer
# Llama begins a text with `<s>`, but HTML strikes out words with it: "<s>old</s> new"
_LEADING_MARKS = re.compile(r"\ufeff?\s*(?:<s>(?![^\n]*</s>[^\n<]*\w)|assistant\r?\n(?=\s*\S))|\ufeff")
# gpt-oss, if the server removes its marks
_LOST_CHANNELS = re.compile(r"\s*(?:assistant)?analysis(?=\S).*assistantfinal", re.DOTALL)
_WHOLE_ANSWER = re.compile(
    r"\s*<(answer|final|final_answer|response|solution)>([^<]*+(?:(?!</?\1>)<[^<]*+)*)</\1>\s*", re.I
)
_OWN_NAME = re.compile(r"\*{0,2}(?:Assistant|AI Assistant)\*{0,2}:\*{0,2}\s+")
_OTHER_NAME = re.compile(r"\n[ \t]*[*#]{0,3}\w+(?: \w+)?\*{0,2}:")  # another speaker: the answer is a dialogue
_MARK = "|".join(f"(?P<{kind.replace(' ', '_')}>{spelled})" for kind, spelled in SPELLED.items())
# code comes first, so that a mark inside code stays
_TOKEN = re.compile(
    rf"(?P<fence>(?:^|(?<=[>\]]))[ \t]*(?P<ticks>`{{3,}}|~{{3,}})[^`\n]*$)"
    rf"|(?P<code>(?<!`)`[^`\n]{{1,200}}`|(?<!`)``(?!`)[^\n]{{1,200}}?``)"
    rf"|<[|｜](?P<name>[^\s|｜<>]{{1,40}})[|｜]>|{_MARK}",
    re.MULTILINE | re.IGNORECASE,
)
_CLOSING = re.compile(rf"{SPELLED[CLOSE]}|<[|｜](?:{'|'.join(NAMED[CLOSE])})[|｜]>", re.IGNORECASE)
_OWN_ROLE, _OTHER_ROLE = (
    "assistant|model|chatbot|bot|ai",
    "user|human|system|developer|tool|ipython|function|observation",
)
_ROLE = re.compile(
    rf"[ \t]*(?:(?:({_OWN_ROLE})|({_OTHER_ROLE}))\b"
    r"(?:[^<\n]{0,60}<\|(?:end_header_id|header_end|end_of_role|im_sep)\|>)?)?\r?\n?",
    re.IGNORECASE,
)
# gpt-oss writes for its reader in the channel "final" only
_CHANNEL = re.compile(r"[ \t]*(?:(final)\b)?\w*(?:[^<\n]{0,80}(?:<\|constrain\|>\w*)?<\|message\|>)?")
# a mark right before the end of a tag or JSON string ends nothing: the answer goes on
_ANSWER_CLOSES = re.compile(r'\s*(?:</(?:task|input|output|label|answer)|"\s*[,}\]])', re.IGNORECASE)
_BEFORE_MENTION = re.compile(r"[^\s.!?…。！？>]['\"]? \Z")
_AFTER_MENTION = re.compile(r" [^\W\dA-Z_]| [(\"'`“«]|[,;:.?!)](?:\s|<|\Z)|['’-]\w")
_LINE_ENDS = re.compile(r"[ \t]*(?:<|\r?\n|\Z)")
_OPENING_QUOTES, _CLOSING_QUOTES = "\"'“‘«‹(`„「『", "\"'”’»›)`“」』"


def spoken(text: str) -> str:
    r"""Return the part of an answer that is meant for its reader, with indentation and code as written.

    Example: "<think>Four times four.</think>\n16<|im_end|>\n<|im_start|>user\nAnd of five?" gives "16".
    If a reasoning block never closes, all text after it is removed; if it only closes, all text before it in its turn.
    """
    turns: list[tuple[str, list[str]]] = [(OWN, [])]
    text = with_usual_tags(text)
    for kind, value in _events(_LOST_CHANNELS.sub("", text, count=1) if _LOST_CHANNELS.match(text) else text):
        if kind == "text":
            turns[-1][1].append(value)
        elif kind == CLOSE:
            turns[-1][1].clear()
        else:
            turns.append((kind, []))
    said = [(kind, _without_leading(as_written("".join(parts)))) for kind, parts in turns]
    own = next((text for kind, text in said if kind == OWN and text), "")
    own = own or next((text for kind, text in said if kind == AFTER_END and text), "")
    whole = _WHOLE_ANSWER.fullmatch(own)
    return as_written(whole[2]) if whole else own


def mentioned(text: str, start: int, end: int, *, opens: bool = False) -> bool:
    """Return True if the text is about the mark at `start:end`, which is then quoted or part of a sentence.

    With `opens`, the mark may also be the last word of its line.
    """
    if start > 0 and end < len(text) and text[start - 1] in _OPENING_QUOTES and text[end] in _CLOSING_QUOTES:
        return True
    if not _BEFORE_MENTION.search(text[max(0, start - 3) : start]):
        return False
    return bool(_AFTER_MENTION.match(text, end) or (opens and _LINE_ENDS.match(text, end)))


def _events(text: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, text) in order: the texts, and between them each mark that starts a turn or ends reasoning."""
    leading = _LEADING_MARKS.match(text)
    begin = position = leading.end() if leading else 0
    unclosed: set[str] = set()
    while token := _TOKEN.search(text, position):
        kind = _kind(token)
        if kind in ("fence", "code"):
            end = _end_of_code(text, token, unclosed) if kind == "fence" else token.end()
            yield "text", text[position:end]
            position = end
            continue
        end, turn = _read(text, token, kind, begin)
        yield "text", text[position : token.start()].rstrip(" " if kind == CITATION else "")
        if turn:
            yield turn, text[token.start() : end]
        position = end
    yield "text", text[position:]


def _kind(token: re.Match[str]) -> str:
    """Return "fence" or "code" for code, else what the mark does."""
    if token["name"]:
        return next((kind for kind, names in NAMED.items() if token["name"].lower() in names), ALONE)
    return str(token.lastgroup).replace("_", " ")


def _end_of_code(text: str, opening: re.Match[str], unclosed: set[str]) -> int:
    """Return where a block of code ends; for a block that never closes, where its first line ends."""
    ticks = opening["ticks"]
    # each kind of fence is searched to the end of the text once at most, which keeps the time linear
    if not any(ticks.startswith(other) for other in unclosed):
        # a mark may follow the closing fence directly
        closing = re.compile(rf"^[ \t]*{ticks}[`~]*[ \t]*(?=\r?$|[<\[])", re.MULTILINE).search(text, opening.end())
        if closing:
            return closing.end()
        unclosed.add(ticks)
    return opening.end()


def _read(text: str, token: re.Match[str], kind: str, begin: int) -> tuple[int, str]:
    """Return where to read on after a mark, and its event; the event is empty if text is only removed."""
    start, end = token.span()
    struck_out = token[0] == "</s>" and "<s>" in text[max(begin, start - 300) : start]  # in HTML
    if kind != CITATION and (struck_out or mentioned(text, start, end, opens=kind == OPEN)):
        return end, "text"
    if kind == OPEN:
        closing = _CLOSING.search(text, end)
        return (closing.end() if closing else len(text)), ""
    if kind in (CLOSE, END):
        event = CLOSE if kind == CLOSE else AFTER_END
        return end, "" if _ANSWER_CLOSES.match(text, end) else event
    if kind == HEADER and (role := _ROLE.match(text, end)):
        return role.end(), OTHER if role[2] else OWN
    if kind == CHANNEL and (channel := _CHANNEL.match(text, end)):
        return channel.end(), OWN if channel[1] else OTHER
    return end, kind if kind in (OWN, OTHER) else ""


def _without_leading(text: str) -> str:
    """Return a turn without a name such as `Assistant:` and a block such as `<reasoning>` at its start."""
    name = _OWN_NAME.match(text)
    if name and not _OTHER_NAME.search(text, name.end()):
        text = text[name.end() :]
    opening = _LEADING_REASONING.match(text)
    if not opening:
        return text
    closing = re.compile(rf"</{opening[1]}>", re.IGNORECASE).search(text, opening.end())
    return as_written(text[closing.end() :]) if closing else ""
