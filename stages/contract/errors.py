"""The errors a person sees: one line that says where, what was found, and what to do."""

import errno


class SeedlingError(Exception):
    """Something outside failed (network, disk, a model that does not answer): exit code 1; stored answers are kept."""

    exit_code = 1


class UserError(SeedlingError):
    """The user must change something (config, seeds, prompts, key): exit code 2."""

    exit_code = 2


class StoppedError(SeedlingError):
    """A signal asked the stage to stop: exit code 128 + the signal's number; no output is written."""

    def __init__(self, signal_number: int) -> None:
        super().__init__("stopped; every answer received is stored, run the same command to resume")
        self.exit_code = 128 + signal_number


def unusable(path: object, error: OSError, refused: str = "used") -> SeedlingError:
    """Return the error for a file or folder that the system refuses to let us read or write."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    advice = "free some space" if full else "make it readable and writable for this user"
    return SeedlingError(f"{path}: cannot be {refused} ({error.strerror}); {advice} and run again")
