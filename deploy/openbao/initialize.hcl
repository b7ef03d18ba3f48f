# The initial configuration of an empty OpenBao. The temporary root token is never exposed.
#
# If a request fails, the server stops, and does not start again until its storage is emptied. OpenBao
# does not apply later changes of this file: use `policies apply` and `bootstrap` instead.

initialize "engines" {
  request "secret" {
    operation = "update"
    path      = "sys/mounts/secret"
    data = {
      type    = "kv"
      options = { version = "2" }
    }
  }

  request "smarteros" {
    operation = "update"
    path      = "sys/mounts/smarteros"
    data = {
      type    = "kv"
      options = { version = "2" }
    }
  }

  request "transit" {
    operation = "update"
    path      = "sys/mounts/transit"
    data      = { type = "transit" }
  }

  # Encryption with an unknown key does not create the key.
  request "transit-keys" {
    operation = "update"
    path      = "transit/config/keys"
    data      = { disable_upsert = true }
  }

  request "approle" {
    operation = "update"
    path      = "sys/auth/approle"
    data      = { type = "approle" }
  }

  # The auth mount for people: VALIDATOR_SUBJECT_MOUNT. A login is renewed on use for a working day.
  request "userpass" {
    operation = "update"
    path      = "sys/auth/userpass"
    data = {
      type   = "userpass"
      config = { default_lease_ttl = "1h", max_lease_ttl = "12h" }
    }
  }
}

initialize "policies" {
  request "agent-director" {
    operation = "update"
    path      = "sys/policies/acl/agent-director"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/agent-director.hcl" } }
  }

  request "agent-executor" {
    operation = "update"
    path      = "sys/policies/acl/agent-executor"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/agent-executor.hcl" } }
  }

  request "agent-writer" {
    operation = "update"
    path      = "sys/policies/acl/agent-writer"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/agent-writer.hcl" } }
  }

  request "crm-agent" {
    operation = "update"
    path      = "sys/policies/acl/crm-agent"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/crm-agent.hcl" } }
  }

  request "key-rotator" {
    operation = "update"
    path      = "sys/policies/acl/key-rotator"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/key-rotator.hcl" } }
  }

  request "mcp-transit" {
    operation = "update"
    path      = "sys/policies/acl/mcp-transit"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/mcp-transit.hcl" } }
  }

  request "operator" {
    operation = "update"
    path      = "sys/policies/acl/operator"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/operator.hcl" } }
  }

  request "policy-auditor" {
    operation = "update"
    path      = "sys/policies/acl/policy-auditor"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/policy-auditor.hcl" } }
  }

  request "route-ai" {
    operation = "update"
    path      = "sys/policies/acl/route-ai"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/route-ai.hcl" } }
  }

  request "route-bot" {
    operation = "update"
    path      = "sys/policies/acl/route-bot"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/route-bot.hcl" } }
  }

  request "route-chatwoot" {
    operation = "update"
    path      = "sys/policies/acl/route-chatwoot"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/route-chatwoot.hcl" } }
  }

  request "route-crm" {
    operation = "update"
    path      = "sys/policies/acl/route-crm"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/route-crm.hcl" } }
  }

  request "route-demo" {
    operation = "update"
    path      = "sys/policies/acl/route-demo"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/route-demo.hcl" } }
  }

  request "route-grafana" {
    operation = "update"
    path      = "sys/policies/acl/route-grafana"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/route-grafana.hcl" } }
  }

  request "route-kpi" {
    operation = "update"
    path      = "sys/policies/acl/route-kpi"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/route-kpi.hcl" } }
  }

  request "route-mcp" {
    operation = "update"
    path      = "sys/policies/acl/route-mcp"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/route-mcp.hcl" } }
  }

  request "route-n8n" {
    operation = "update"
    path      = "sys/policies/acl/route-n8n"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/route-n8n.hcl" } }
  }

  request "route-odoo" {
    operation = "update"
    path      = "sys/policies/acl/route-odoo"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/route-odoo.hcl" } }
  }

  request "route-otel" {
    operation = "update"
    path      = "sys/policies/acl/route-otel"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/route-otel.hcl" } }
  }

  request "route-sentry" {
    operation = "update"
    path      = "sys/policies/acl/route-sentry"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/route-sentry.hcl" } }
  }

  request "staff" {
    operation = "update"
    path      = "sys/policies/acl/staff"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/staff.hcl" } }
  }

  request "tenant" {
    operation = "update"
    path      = "sys/policies/acl/tenant"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/tenant.hcl" } }
  }

  request "validator-drift" {
    operation = "update"
    path      = "sys/policies/acl/validator-drift"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/validator-drift.hcl" } }
  }

  request "validator" {
    operation = "update"
    path      = "sys/policies/acl/validator"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/validator.hcl" } }
  }

  request "version-destroyer" {
    operation = "update"
    path      = "sys/policies/acl/version-destroyer"
    data      = { policy = { eval_type = "string", eval_source = "file", path = "/policies/version-destroyer.hcl" } }
  }

  # For the first operator, who creates the others. No root token exists any more.
  request "administrator" {
    operation = "update"
    path      = "sys/policies/acl/administrator"
    data = {
      policy = "path \"*\" { capabilities = [\"create\", \"read\", \"update\", \"patch\", \"delete\", \"list\", \"sudo\"] }"
    }
  }
}

# The validator. Its token is periodic: it stays valid as long as the validator renews it.
initialize "validator" {
  request "role" {
    operation = "update"
    path      = "auth/approle/role/validator"
    data = {
      token_policies          = ["validator"]
      token_no_default_policy = true
      token_period            = "1h"
    }
  }

  request "role-id" {
    operation = "update"
    path      = "auth/approle/role/validator/role-id"
    data      = { role_id = "validator" }
  }

  request "secret-id" {
    operation = "update"
    path      = "auth/approle/role/validator/custom-secret-id"
    data      = { secret_id = { eval_type = "string", eval_source = "file", path = "/keys/validator/secret-id" } }
  }
}

# For users who can read /keys/administrator/secret-id. Tokens have a TTL of 15 minutes.
initialize "administrator" {
  request "role" {
    operation = "update"
    path      = "auth/approle/role/administrator"
    data = {
      token_policies = ["administrator"]
      token_ttl      = "15m"
      token_max_ttl  = "1h"
    }
  }

  request "role-id" {
    operation = "update"
    path      = "auth/approle/role/administrator/role-id"
    data      = { role_id = "administrator" }
  }

  request "secret-id" {
    operation = "update"
    path      = "auth/approle/role/administrator/custom-secret-id"
    data      = { secret_id = { eval_type = "string", eval_source = "file", path = "/keys/administrator/secret-id" } }
  }
}

# The service `key-rotation`, which rotates the tenants' keys.
initialize "key-rotator" {
  request "role" {
    operation = "update"
    path      = "auth/approle/role/key-rotator"
    data = {
      token_policies = ["key-rotator"]
      token_ttl      = "1h"
      token_max_ttl  = "24h"
    }
  }

  request "role-id" {
    operation = "update"
    path      = "auth/approle/role/key-rotator/role-id"
    data      = { role_id = "key-rotator" }
  }

  request "secret-id" {
    operation = "update"
    path      = "auth/approle/role/key-rotator/custom-secret-id"
    data      = { secret_id = { eval_type = "string", eval_source = "file", path = "/keys/rotator/secret-id" } }
  }
}
