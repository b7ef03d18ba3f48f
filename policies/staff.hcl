# For people who work with the platform's applications. Caddy asks whether Vault grants a caller
# route/APPLICATION for the method of the request; there is nothing at these paths.
# For some applications, or for looking only, write a policy with fewer of them.

path "route/+" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
