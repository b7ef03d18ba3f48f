# For rotating the tenants' keys: a new version of the key, and every secret encrypted anew
# with it. Vault does that within itself, so no secret is seen in the clear, and none can be:
# there is no `transit/decrypt` here. `--destroy-old-versions` takes version-destroyer as well.
#
# What this does not prevent: a token that may replace a ciphertext can replace it with one that is older,
# or with nothing that can be decrypted. Versions and the audit log show it. So give this for a
# short time, to operators who run `tenants rotate`, and else to the timer that runs `--due` alone.

# The tenants' keys: look, rotate, and say which version may still decrypt.
path "transit/keys/tenant-*" {
  capabilities      = ["read", "update"]
  denied_parameters = {
    "exportable"             = []
    "allow_plaintext_backup" = []
    "deletion_allowed"       = []
    "min_available_version"  = []
  }
}

# `--due`: how often each tenant's key is to be rotated.
path "secret/metadata/tenant-settings" {
  capabilities = ["list"]
}

path "secret/data/tenant-settings/+" {
  capabilities = ["read"]
}

# From an older version of a key to the latest, inside of Vault.
path "transit/rewrap/tenant-*" {
  capabilities = ["update"]
}

# What secrets there are, in which versions.
path "secret/metadata/tenants/*" {
  capabilities = ["read", "list"]
}

# Their ciphertexts.
path "secret/data/tenants/*" {
  capabilities = ["read", "update"]
}

# Leases on rotations, so that a tenant's key is rotated by one process at a time, and notes of which
# versions of the keys are stored.
path "secret/data/rotation/+" {
  capabilities = ["create", "read", "update"]
}

path "secret/metadata/rotation/+" {
  capabilities = ["create", "read", "update"]
}

path "secret/delete/rotation/+" {
  capabilities = ["update"]
}
