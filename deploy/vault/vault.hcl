# HashiCorp Vault, 1.15 or later, in the place of OpenBao. It has no seal that opens by a file, so
# it is unsealed manually after each start, or another seal is configured here:
# https://developer.hashicorp.com/vault/docs/configuration/seal

api_addr      = "http://openbao:8200"
cluster_addr  = "http://openbao:8201"
ui            = true
disable_mlock = true

storage "raft" {
  path                   = "/vault/file"
  node_id                = "vault"
  performance_multiplier = 1
}

# Plain: it listens on the network of this stack's own services, and Caddy proxies all
# other clients.
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
