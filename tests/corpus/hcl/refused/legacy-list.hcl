path "a" { policy = ["read"] }
