"""The gate: compares the golden signals of a canary with those of the stable version.

`evidence` holds the statistics, `samples` counts events from raw samples of Prometheus, `judgement`
turns counts into pass, fail or hold, each with its reason. All three are pure.
"""
