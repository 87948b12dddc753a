"""S3 servers that the tests start for themselves; each has `endpoint`, `access_key`, `secret_key` and `stop()`."""
