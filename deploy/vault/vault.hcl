# HashiCorp Vault 1.15 or later instead of OpenBao. It has no static seal: unseal it after each start, or
# configure another seal here (https://developer.hashicorp.com/vault/docs/configuration/seal).

api_addr      = "http://openbao:8200"
cluster_addr  = "http://openbao:8201"
ui            = true
disable_mlock = true

storage "raft" {
  path                   = "/vault/file"
  node_id                = "vault"
  performance_multiplier = 1
}

# Without TLS: only services on this stack's own network connect directly. Caddy proxies all other
# clients.
listener "tcp" {
  address         = "0.0.0.0:8200"
  cluster_address = "0.0.0.0:8201"
  tls_disable     = true

  telemetry {
    unauthenticated_metrics_access = true
  }
}

telemetry {
  prometheus_retention_time = "12h"
  disable_hostname          = true
}
