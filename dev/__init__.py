"""What is not shipped: the demo, the campaigns, the end-to-end test, the benchmarks, and what they share."""
