# For `tenants rotate --destroy-old-versions`, in addition to key-rotator: permanently destroys versions
# of secrets. Give it to operators for that command only, and not to a timer.
path "secret/destroy/tenants/*" {
  capabilities = ["update"]
}
