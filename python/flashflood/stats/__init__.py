"""What a store holds: counted from listings, and shown in a notebook or on a page of HTML. Only reads."""
