"""The frame of every stage: it hands over the declared config, guards the inputs, and turns errors into exit codes."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stages.contract.errors import SeedlingError, StoppedError, unusable
from stages.contract.params import current_config
from stages.contract.pipeline import ROOT_PIPELINE, declared, state_of
from stages.contract.validation import Model

STATUS_VARIABLE = "SEEDLING_STATUS"
"""Names a file that receives a failing stage's exit code, since DVC does not pass it on."""


@contextmanager
def stage(name: str, model: type[Model], pipeline: str = ROOT_PIPELINE) -> Iterator[Model]:
    """Run the body of a stage, guarded, with its config.

    Args:
        name: the stage's name in the pipeline file.
        model: the sections that the stage reads.
        pipeline: the dvc.yaml that declares the stage, from the root of the repository.
    """
    with reported(name), unchanged(name, pipeline):
        yield stage_config(name, model, pipeline)


def stage_config(name: str, model: type[Model], pipeline: str = ROOT_PIPELINE) -> Model:
    """Return the parameters that a pipeline file declares for a stage, and `runtime` if the model has it.

    The model gets only what is declared, so the code cannot read a parameter that DVC does not track.

    Raises:
        UserError: params.yaml or the environment holds a faulty value.
    """
    runtime = ["runtime"] if "runtime" in model.model_fields else []
    return current_config(model, [*declared(name, pipeline).get("params", []), *runtime])


@contextmanager
def reported(name: str) -> Iterator[None]:
    """Run the body of a stage; an error ends the process with one line for each fault, and the error's exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # until here Ctrl-C ended it: see __main__.py
    try:
        yield
    except SeedlingError as error:
        leave(name, error)
    except OSError as error:  # about a file that no other code checks, such as one in a folder that cannot be read
        leave(name, unusable(error.filename, error))
    except KeyboardInterrupt:
        leave(name, StoppedError(signal.SIGINT))


@contextmanager
def unchanged(name: str, pipeline: str = ROOT_PIPELINE) -> Iterator[None]:
    """Run the body of a stage, and fail if its parameters or dependencies change meanwhile.

    DVC hashes them only after the command. It would record values that the stage never saw, and from then on its run
    cache would serve this output for those values.

    Raises:
        SeedlingError: something changed; the message names it.
    """
    before = state_of(name, pipeline)
    yield
    after = state_of(name, pipeline)
    if changed := [key for key in before if before[key] != after.get(key)]:
        raise SeedlingError(
            f"{', '.join(changed)} changed while the stage ran, so nothing was recorded; run it again "
            "(every answer is stored)"
        )


def leave(name: str, error: SeedlingError) -> None:
    """End the process with the error's message, each line under the stage's name, and its exit code."""
    for line in str(error).splitlines():
        print(f"{name}: {line}", file=sys.stderr)
    if status := os.environ.get(STATUS_VARIABLE):
        with suppress(OSError):  # the command that asked for it may be gone
            Path(status).write_text(str(error.exit_code), "utf-8")
    sys.exit(error.exit_code)
