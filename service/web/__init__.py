"""Pages. They read through ``store.queries`` and write only through ``runtime.handler``."""
