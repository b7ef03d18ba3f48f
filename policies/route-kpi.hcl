# For people and services that use only the application kpi.
# `make route-policies` generates this file from deploy/caddy/Caddyfile.

path "route/kpi" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
