# For people and services that use only the application otel.
# `make route-policies` generates this file from deploy/caddy/Caddyfile.

path "route/otel" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
