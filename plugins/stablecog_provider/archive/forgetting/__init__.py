"""Parts of forgetting: what is selected, its record, what is deleted for good, and what is taken out of reports."""
