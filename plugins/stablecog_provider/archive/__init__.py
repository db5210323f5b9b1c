"""Use cases are the modules of this folder; its folders are their parts. Ports say what they need of the outside."""
