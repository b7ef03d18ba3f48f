path "a" {
  # x
  capabilities = ["read"]
}
