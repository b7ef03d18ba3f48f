# For people who use mkt, and no other application.
# `make route-policies` writes this file from deploy/caddy/Caddyfile.

path "route/mkt" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
