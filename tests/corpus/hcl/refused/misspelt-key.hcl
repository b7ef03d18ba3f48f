path "a" { capabilites = ["read"] }
