"""The answer functions that families name: meanings of the slots, generator -> input, output.

An input of "" means that the instruction holds everything.
"""

import random
from collections.abc import Callable, Mapping

from stages.models.offline import figures, labels, lists

ANSWERS: dict[str, Callable[[Mapping[str, str], random.Random], tuple[str, str]]] = {
    "add_hours": figures.add_hours,
    "change_numerals": figures.change_numerals,
    "compare_amounts": figures.compare_amounts,
    "convert_units": figures.convert_units,
    "count_days": figures.count_days,
    "find_arrival": figures.find_arrival,
    "find_departure": figures.find_departure,
    "measure_values": figures.measure_values,
    "mix_parts": figures.mix_parts,
    "plan_events": figures.plan_events,
    "reformat_dates": figures.reformat_dates,
    "scale_recipe": figures.scale_recipe,
    "shift_date": figures.shift_date,
    "split_bill": figures.split_bill,
    "judge": labels.judge,
    "name_band": labels.name_band,
    "name_class": labels.name_class,
    "edit_words": lists.edit_words,
    "filter_stock": lists.filter_stock,
    "rank_names": lists.rank_names,
    "read_log": lists.read_log,
    "read_mail": lists.read_mail,
    "rewrite_table": lists.rewrite_table,
    "spell_acronyms": lists.spell_acronyms,
    "total_expenses": lists.total_expenses,
    "value_stock": lists.value_stock,
    "write_code": lists.write_code,
}
