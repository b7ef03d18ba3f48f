# For people who use only the application mkt.
# `make route-policies` generates this file from deploy/caddy/Caddyfile.

path "route/mkt" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
