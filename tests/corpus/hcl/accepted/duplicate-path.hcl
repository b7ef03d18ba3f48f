path "a" { policy = "read" }
path "a" { policy = "write" }
