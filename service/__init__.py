"""A deployment of a BPMN workflow engine: what happens is in ``processes/``, what is asked is in ``forms/``."""

__version__ = "0.1.0"
