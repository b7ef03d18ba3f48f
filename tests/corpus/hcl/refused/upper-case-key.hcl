path "a" { Capabilities = ["read"] }
