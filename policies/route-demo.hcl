# For people and services that use only the application demo.
# `make route-policies` generates this file from deploy/caddy/Caddyfile.

path "route/demo" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
