"""Database changes by expand, migrate and contract, and the no-go zone behind a contract.

`state` is what is recorded of an app, `decide` says from it what may be done, `lint` which phase a
SQL file belongs to: values in, values out. `store_file` and `store_configmap` keep the record.
"""
