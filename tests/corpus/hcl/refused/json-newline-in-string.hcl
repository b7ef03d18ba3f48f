{"path": {"a
b": {}}}