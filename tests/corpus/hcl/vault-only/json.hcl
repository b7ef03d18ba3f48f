{"path": {"a": {"capabilities": ["recover", "read"]}}}
