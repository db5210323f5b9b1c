"""The proof by counting: comparing, finding where counts differ, and marking deletions."""
