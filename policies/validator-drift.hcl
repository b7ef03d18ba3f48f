# For the validator's own token, in addition to `validator`, if VALIDATOR_POLICY_DRIFT_INTERVAL is set: the
# validator compares the policies in Vault with files.
#
# Grants reading of all policies, which show who may access what. Does not grant changes.

path "sys/policies/acl" {
  capabilities = ["list"]
}

path "sys/policies/acl/+" {
  capabilities = ["read"]
}
