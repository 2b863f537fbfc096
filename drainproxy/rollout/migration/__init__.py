"""Database changes by expand, migrate and contract, with no rollback behind a contract.

`state` is the record of an app, `decide` what it allows, `lint` which phase a SQL file belongs to;
all pure. `store_file` and `store_configmap` keep the record.
"""
