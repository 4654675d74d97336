"""The section `classify`."""

from stages.contract.sections.base import Positive
from stages.contract.sections.decoding import Decoding


class Classify(Decoding):
    """Telling classification tasks from others (paper, section 2.2)."""

    max_tokens: Positive
