"""What an expression costs, from text to value: seconds of processor time and bytes."""

import gc
import time
import tracemalloc

from service.core import expressions, expressions_grammar
from service.core.expressions import ExprError

PROMISED, PROMISED_AT_THE_GATE, BYTES = 0.05, 2, 16_000_000
SECONDS, SECONDS_AT_THE_GATE = 10 * PROMISED, 10 * PROMISED_AT_THE_GATE
"""What tests allow: any machine is slow in some of its moments, and a cost without a bound is more than this."""


def forget():
    """Let the next use read its text again."""
    expressions_grammar._parsed.cache_clear()
    expressions._lines.cache_clear()


def taken(work, *given) -> float:
    """The least seconds of processor time in up to five tries: the load of the machine is not the expression's.

    The collector is held meanwhile: its passes belong to the heap of the whole process.
    """
    best = 60.0
    for _ in range(5):
        forget()
        gc.disable()
        begun = time.process_time()
        try:
            work(*given)
        except ExprError:
            pass
        finally:
            best = min(best, time.process_time() - begun)
            gc.enable()
        if best < PROMISED:
            break
    return best


def allocated(work, *given) -> int:
    """The most bytes that were in use at once."""
    forget()
    tracemalloc.start()
    try:
        work(*given)
    except ExprError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak
