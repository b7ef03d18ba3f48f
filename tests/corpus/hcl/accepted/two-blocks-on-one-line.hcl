path "a" { policy = "read" } path "b" { policy = "read" }
