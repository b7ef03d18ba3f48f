# For people who use kpi, and no other application.
# `make route-policies` writes this file from deploy/caddy/Caddyfile.

path "route/kpi" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
