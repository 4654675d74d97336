"""`prompts`. A model stage declares the templates it renders by itself, so that it depends on no other."""

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
