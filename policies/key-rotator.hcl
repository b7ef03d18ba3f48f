# For `tenants rotate`: creates a new version of a tenant's key, and re-encrypts every secret with it.
# Vault re-encrypts internally (rewrap). This policy does not grant `transit/decrypt`, so the token cannot
# read any secret. `--destroy-old-versions` needs version-destroyer as well.
#
# Limitation: a token that can replace ciphertexts can also write an older one, or data that cannot be
# decrypted. The secret's versions and the audit log show such writes. So give this policy to operators
# for a short time while they run `tenants rotate`, and otherwise only to the timer that runs `--due`.

# The tenants' keys: read, rotate, and set the oldest version that can decrypt.
path "transit/keys/tenant-*" {
  capabilities      = ["read", "update"]
  denied_parameters = {
    "exportable"             = []
    "allow_plaintext_backup" = []
    "deletion_allowed"       = []
    "min_available_version"  = []
  }
}

# For `--due`: the rotation interval of each tenant's key.
path "secret/metadata/tenant-settings" {
  capabilities = ["list"]
}

path "secret/data/tenant-settings/+" {
  capabilities = ["read"]
}

# Re-encrypt ciphertexts with the latest version of a key.
path "transit/rewrap/tenant-*" {
  capabilities = ["update"]
}

# The names and versions of secrets.
path "secret/metadata/tenants/*" {
  capabilities = ["read", "list"]
}

# Their ciphertexts.
path "secret/data/tenants/*" {
  capabilities = ["read", "update"]
}

# Leases, so that only one process at a time rotates a tenant's key. Their metadata records the key
# version that the last rotation stored.
path "secret/data/rotation/+" {
  capabilities = ["create", "read", "update"]
}

path "secret/metadata/rotation/+" {
  capabilities = ["create", "read", "update"]
}

path "secret/delete/rotation/+" {
  capabilities = ["update"]
}
