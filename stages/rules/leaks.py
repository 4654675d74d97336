"""Finds texts that are not a model's answer: an error of its service, a tool call, or text with damaged characters."""

import json
import re

from stages.rules.words import any_of, matched, visible

_STATUS = (
    r"(?:internal server error|bad gateway|service (?:temporarily )?unavailable|gateway time-?out|too many requests"
    r"|rate limit (?:exceeded|reached)|request timed? ?out|connection (?:error|refused|reset|timed out)"
    r"|insufficient[_ ]quota|model (?:is )?(?:currently )?overloaded|overloaded[_ ]error|upstream connect error"
    r"|server error"
    r"|service overloaded|quota exceeded|api key (?:not valid|missing|invalid)|invalid api key)"
)
_ERROR = re.compile(
    rf"\W*(?:(?:http )?error:? *)?(?:(?:http )?[45]\d\d\b[ :,-]*)?{_STATUS}\b[^\n]{{0,200}}"
    rf"|\W*(?:http |api )?error(?: code)?:? *[45]\d\d\b[^\n]{{0,200}}"
    r"|traceback \(most recent call last\):.*"
    r"|<(?:!doctype )?html>?.{0,200}<title>\s*[45]\d\d\b.*"
    r"|\{\s*\"(?:error|type\"\s*:\s*\"error)\".{0,400}"
    r"|(?:litellm|openai|anthropic|httpx|requests)[\w.]*\.\w*(?:error|exception|timeout)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_ABOUT_ERRORS = any_of(
    r"errors?|reason phrases?|https?|status|codes?|servers?|log(?:s|ged)?|json|apis?|exceptions?|responses?|requests?"
    r"|html|web ?sites?|web pages?|rate limits?|network|failures?|outages?|python|crash\w*"
)
_CALL = re.compile(
    r"\s*(?:<\|?/?(?:tool_calls?|function_calls?|tool_use|invoke|tool|function|python_tag)\b[^>\n]{0,60}>"
    r"|\[TOOL_CALLS\]"
    r"|(?:action|tool|function)(?: call)?:\s*\w+\s*\n+\s*(?:action input|arguments|input|parameters):"
    r"|to=functions\.\w+)",
    re.IGNORECASE,
)
_FENCE = re.compile(r"```\w*\n(.*)\n```", re.DOTALL)
_CALL_KEYS = (
    {"name", "arguments"},
    {"name", "parameters"},
    {"tool", "arguments"},
    {"tool", "input"},
    {"function", "arguments"},
)
_ABOUT_CALLS = any_of(
    r"tools?|functions?|json|calls?|called|apis?|agents?|arguments?|parameters?|xml|markup|tags?|invoke\w*"
    r"|react|openai"
)
# control characters, U+FFFD, and UTF-8 that was decoded as Latin-1 or Windows-1252
_DAMAGED = re.compile("[\x00-\x08\x0e-\x1b\x7f]|\ufffd|Ã[\u0080-\u00bf]|â€[™œ“”\u0080-\u009f¦¢]|ï»¿")
_ABOUT_DAMAGE = any_of(r"mojibake|encod\w*|unicode|utf\S*|replacement characters?|garbled|decod\w*|code points?")


def service_error(text: str, instruction: str = "") -> str:
    """Return the service error that the text consists of; empty if it is none, or if the task is about errors."""
    return "" if _ABOUT_ERRORS.search(instruction) else matched(_ERROR.fullmatch(visible(text)))


def tool_call(text: str, instruction: str = "") -> str:
    """Return the tool call at the start of the text; empty if there is none, or if the task is about tool calls."""
    if _ABOUT_CALLS.search(instruction):
        return ""
    shown = visible(text)
    return matched(_CALL.match(shown)) or (shown if _is_call(shown) else "")


def _is_call(shown: str) -> bool:
    fence = _FENCE.fullmatch(shown)
    inner = fence[1] if fence else shown
    if not inner.startswith(("{", "[")):
        return False
    try:
        content = json.loads(inner)
    except (ValueError, RecursionError):
        return False
    call = content[0] if isinstance(content, list) and content else content
    return isinstance(call, dict) and set(call) in _CALL_KEYS and not isinstance(call.get("arguments"), int | float)


def damage(text: str, instruction: str = "") -> str:
    """Return the first damaged characters and 20 on each side; empty if there are none or the task is about them."""
    found = _DAMAGED.search(text)
    if not found or _ABOUT_DAMAGE.search(f"{instruction}\n{text}"):
        return ""
    return text[max(0, found.start() - 20) : found.end() + 20]
