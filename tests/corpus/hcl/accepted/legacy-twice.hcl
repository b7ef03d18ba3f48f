path "a" { policy = "nope" policy = "read" }
