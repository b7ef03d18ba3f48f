
{
  "name": "x",
  "path": {
    "a": {
      "capabilities": ["read"],
      "min_wrapping_ttl": 5,
      "allowed_parameters": {"x": []},
      "comment": null
    }
  }
}
