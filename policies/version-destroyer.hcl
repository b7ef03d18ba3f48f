# For `tenants rotate --destroy-old-versions`, beside key-rotator: destroys versions of secrets for
# good. Nobody can undo it, so give this for that one command, and to no timer.
path "secret/destroy/tenants/*" {
  capabilities = ["update"]
}
