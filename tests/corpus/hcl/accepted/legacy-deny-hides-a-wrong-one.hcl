path "a" { policy = "deny" capabilities = ["nope"] }
