path "a" { policy = "read" capabilities = ["nope"] }
