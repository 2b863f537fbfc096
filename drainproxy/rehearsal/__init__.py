"""A rollout on your own machine, with and without drainproxy: `drainproxy rehearse`.

`rehearsal` puts it together: `replicas` of an app, each behind its proxy (`proxies`), in a
`deployment`; a `balancer` that is as late as kube-proxy; `clients` of all kinds, which write what
they live through into `scores`; a `rollout` by one of the strategies. What came of it is a
`result`, which `table`, `page` and `as_json` show.
"""
