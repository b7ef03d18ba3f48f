# For people and services that use only the application sentry.
# `make route-policies` generates this file from deploy/caddy/Caddyfile.

path "route/sentry" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
