"""The release checklist as rules over manifests.

Everything given is read into one `Inventory`, so that a rule sees a workload together with the
Services, budgets and analyses that concern it. Each rule is a small function that yields what is
wrong and where; `report.check` runs them, weighs what is to be ignored, and ticks the boxes.
Nothing here reads a file or asks a cluster.
"""
