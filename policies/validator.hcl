# For the validator's own token only.
#
# It permits looking up tokens, entities and capabilities. It may not read a secret, use a key,
# issue a token or change anything but the life of its own.

# Look up a token.
path "auth/token/lookup" {
  capabilities = ["update"]
}

# Read the token's entity: whether it is disabled, and its tenant.
path "identity/entity/id/+" {
  capabilities = ["read"]
}

# The token's capabilities on the path of a route.
path "sys/capabilities" {
  capabilities = ["update"]
}

# Keep the own token alive, and revoke it at the end. All three are part of Vault's `default` policy,
# which the validator's role does without.
path "auth/token/renew-self" {
  capabilities = ["update"]
}

path "auth/token/revoke-self" {
  capabilities = ["update"]
}

path "auth/token/lookup-self" {
  capabilities = ["read"]
}
