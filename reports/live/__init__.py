"""The page to look at while a run goes on: served beside the run, fed with its snapshots."""
