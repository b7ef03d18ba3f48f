# For the validator's own token, and nobody else's.
#
# It may ask Vault about tokens and about whose they are. It may not read a secret, use a key,
# issue a token or change anything but the life of its own.

# Whose is this token, and is it live?
path "auth/token/lookup" {
  capabilities = ["update"]
}

# Is its owner still welcome, and of which tenant?
path "identity/entity/id/+" {
  capabilities = ["read"]
}

# What is this token granted on the path of a route?
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
