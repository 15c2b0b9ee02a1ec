"""Logs: one JSON line for each fact, a fixed sentence and named fields, never what people write.

Only the fields named here are let through, whoever logs; SpiffWorkflow would otherwise hand over whole task data.
"""

import logging

import structlog
from structlog.typing import Processor

FIELDS = ["instance_id", "reference", "letter_id", "action", "method", "path", "status"]
QUIET = ("spiff", "spiff.task", "spiff.workflow", "spiff.data", "spiff.dmn")


def quieten() -> None:
    """Set the level of SpiffWorkflow's loggers: one whose level is not set is handed everything."""
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def configure() -> None:
    """Write the process's logs to standard error as JSON lines."""
    before: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(allow=FIELDS),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    after: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.JSONRenderer(),
    ]
    handler = logging.StreamHandler()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before, processors=after))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    quieten()
