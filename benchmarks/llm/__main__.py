"""What the model layer costs: a call, the order of the answers, refusals, the store, a run from stored answers.

    python -m benchmarks.llm [calls] [order] [refusals] [store] [replay]

No part asks a real model. Where time is measured, ways take turns and the least of its turns counts for each: other
work on the machine only adds. Where chance decides, the median of the draws stands with the worst.
"""

import argparse

from benchmarks.llm.calls import measure_calls
from benchmarks.llm.order import measure_order
from benchmarks.llm.refusals import measure_refusals
from benchmarks.llm.replay import measure_replay
from benchmarks.llm.store import measure_store

PARTS = {
    "calls": measure_calls,
    "order": measure_order,
    "refusals": measure_refusals,
    "store": measure_store,
    "replay": measure_replay,
}


def main() -> None:
    """Print a table for each part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all where none is named")
    chosen = parser.parse_args().parts
    if unknown := set(chosen) - PARTS.keys():
        parser.error(f"{', '.join(sorted(unknown))}: no such part; there are {', '.join(PARTS)}")
    for name, measure in PARTS.items():
        if name in chosen or not chosen:
            measure()


if __name__ == "__main__":
    main()
