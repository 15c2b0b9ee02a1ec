"""What joins the pure core to the store: one use case is one transaction and one reading of the clock."""
