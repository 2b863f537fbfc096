"""The gate: what the golden signals of a canary say beside those of the stable version.

`evidence` holds the statistics, `samples` counts what happened from raw samples of Prometheus,
`judgement` turns counts into pass, fail or hold, each with its reason. All three are pure.
"""
