# For `tenants rotate --destroy-old-versions`, beside key-rotator: destroys versions of secrets for
# good. It cannot be undone, so give this for that one command, and to no timer.
path "secret/destroy/tenants/*" {
  capabilities = ["update"]
}
