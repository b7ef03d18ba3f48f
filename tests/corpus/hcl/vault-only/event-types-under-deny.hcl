path "a" {
  capabilities          = ["deny"]
  subscribe_event_types = ["kv*"]
}
