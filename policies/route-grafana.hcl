# For people and services that use only the application grafana.
# `make route-policies` generates this file from deploy/caddy/Caddyfile.

path "route/grafana" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
