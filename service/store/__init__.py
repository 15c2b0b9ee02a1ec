"""Tables, the one transaction, and every query of the service."""
