"""The only code that runs SpiffWorkflow: one step at a time, as a pure function (see ``step``)."""
