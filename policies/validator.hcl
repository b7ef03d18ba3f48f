# For the validator's own token only.
#
# Grants lookups of tokens, entities and capabilities, and renewal and revocation of the own token. Does
# not grant access to secrets and keys, or the creation of tokens.

# Look up a token.
path "auth/token/lookup" {
  capabilities = ["update"]
}

# Read the token's entity, for its tenant and whether it is disabled.
path "identity/entity/id/+" {
  capabilities = ["read"]
}

# Read the token's capabilities on the path of a route.
path "sys/capabilities" {
  capabilities = ["update"]
}

# Renew, revoke and look up the own token. Vault's `default` policy grants this as well, but the
# validator's role does not have that policy.
path "auth/token/renew-self" {
  capabilities = ["update"]
}

path "auth/token/revoke-self" {
  capabilities = ["update"]
}

path "auth/token/lookup-self" {
  capabilities = ["read"]
}
