"""Names of models and schedulers: what each run adds to them, and how readers get them."""
