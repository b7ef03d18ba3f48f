path "secret/data/*" {
  capabilities          = ["read", "subscribe"]
  subscribe_event_types = ["kv*"]
}
