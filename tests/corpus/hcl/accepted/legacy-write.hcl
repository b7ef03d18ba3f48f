path "a" { policy = "write" }
