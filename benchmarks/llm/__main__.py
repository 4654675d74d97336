"""Measure what the model layer costs: a call, the order of the answers, refusals, the store, a run from stored answers.

    python -m benchmarks.llm [calls] [order] [refusals] [store] [replay]

No part asks a real model. Timed variants take turns, and the fastest turn of each counts, since other work on the
machine only adds time. Results that depend on chance are the median and the worst of several draws.
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
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; by default all")
    chosen = parser.parse_args().parts
    if unknown := set(chosen) - PARTS.keys():
        parser.error(f"{', '.join(sorted(unknown))}: no such part; choose from {', '.join(PARTS)}")
    for name, measure in PARTS.items():
        if name in chosen or not chosen:
            measure()


if __name__ == "__main__":
    main()
