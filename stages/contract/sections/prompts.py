"""The section `prompts`. Each model stage declares only its own templates, so that others do not make it rerun."""

from typing import Literal

from stages.contract.sections.base import Section, Text


class Prompts(Section):
    """The template of each prompt, and the mode of the models they are written for."""

    mode: Literal["chat", "completion"]
    generate: Text
    generate_classification: Text
    classify: Text
    input_first: Text
    output_first: Text
