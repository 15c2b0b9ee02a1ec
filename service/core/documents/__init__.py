"""Documents: files made from a case, or from all cases, as data of the definition describes them.

Pure: facts in, a structure out (``building``, ``returns``); ``as_html``, ``as_csv`` and ``as_text`` turn the structure
into something to read. The same facts always give the same bytes.
"""
